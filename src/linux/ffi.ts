/**
 * The one port to libc. Everything that xdpkit asks of the operating system beyond Node's own API goes through the
 * functions below; koffi appears in no other file, so that it can be exchanged (for `node:ffi`, say) here.
 * All calls are synchronous on the calling thread, except those whose name ends in `Async`.
 */
import koffi from 'koffi';

const libc = koffi.load(null);

type Integer = number | bigint;

// Registers are passed as `long`: descriptors, lengths, flags and addresses (from `addressOf`) alike.
const syscall6: (number: Integer, ...registers: Integer[]) => number = libc.func(
  'long syscall(long number, long a, long b, long c, long d, long e, long f)',
);
const syscall3: (number: Integer, a: Integer, b: Integer, c: Integer) => number = libc.func('syscall', 'long', [
  'long',
  'long',
  'long',
  'long',
]);
const mmapCall: (...registers: Integer[]) => Integer = libc.func('mmap', 'uintptr_t', [
  'uintptr_t',
  'size_t',
  'int',
  'int',
  'int',
  'long',
]);
const pollCall = libc.func('int poll(void *descriptors, ulong count, int milliseconds)');
const epollWaitCall = libc.func('int epoll_wait(int epoll, void *events, int most, int milliseconds)');
const getpagesize: () => number = libc.func('int getpagesize()');
const strerror: (errno: number) => string = libc.func('str strerror(int errno)');

/** errno of the last call made from this thread; read it before anything else is called. */
export function errno(): number {
  return koffi.errno();
}

/** libc's own words for an errno ("No such device"). */
export function describeErrno(number: number): string {
  return strerror(number);
}

/** Bytes of a page of memory: 4096 on x86-64, up to 65536 on arm64. */
export function pageSize(): number {
  return getpagesize();
}

/** The address of a buffer's first byte. The caller keeps the buffer referenced for as long as the address is used. */
export function addressOf(buffer: Uint8Array): bigint {
  return koffi.address(buffer);
}

/** Three-register system call: −1 and `errno()` on failure. */
export function syscall(number: number, a: Integer = 0, b: Integer = 0, c: Integer = 0): number {
  return syscall3(number, a, b, c);
}

/** System call with up to six registers: −1 and `errno()` on failure. */
export function syscallLong(number: number, ...registers: Integer[]): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = registers;
  return syscall6(number, a, b, c, d, e, f);
}

const mapFailed = 0xffff_ffff_ffff_ffffn;

/** mmap(2): the address, or undefined and `errno()` on failure. `at` is only asked for without MAP_FIXED. */
export function mmap(
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
  at: Integer = 0,
): bigint | undefined {
  const address = BigInt(mmapCall(at, length, protection, flags, fd, offset));
  return address === mapFailed ? undefined : address;
}

/**
 * The mapped bytes at `address`, without a copy. Reading them after munmap ends the process, so whoever unmaps must
 * first make the view unreachable for users.
 */
export function viewMemory(address: bigint, length: number): ArrayBuffer {
  return koffi.view(address, length);
}

/** poll(2) on a worker thread: the event loop goes on while it waits. Gives poll's result: −1 on failure. */
export function pollAsync(descriptors: Uint8Array, count: number, milliseconds: number): Promise<number> {
  return new Promise((resolve, reject) => {
    // koffi keeps the callback while the call is under way, and the callback's scope the bytes that the kernel writes to.
    pollCall.async(descriptors, count, milliseconds, (error: Error | null, result: number) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}

/** epoll_wait(2) on a worker thread, without an end. Gives its result: −1 on failure. */
export function epollWaitAsync(epoll: number, events: Uint8Array, most: number): Promise<number> {
  return new Promise((resolve, reject) => {
    epollWaitCall.async(epoll, events, most, -1, (error: Error | null, result: number) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}
