/** libbpf's reader of ring buffers, called in this process. */
import koffi from 'koffi';

const libbpf = koffi.load('libbpf.so.1');
const sample = koffi.proto('int ring_buffer_sample_fn(void *context, void *data, size_t size)');
const create = libbpf.func('ring_buffer__new', 'void *', ['int', koffi.pointer(sample), 'void *', 'void *']);
const consume = libbpf.func('int ring_buffer__consume(void *ring)');
const free = libbpf.func('void ring_buffer__free(void *ring)');

/** Takes all records out of a ring buffer. */
export function consumeByLibbpf(mapFd: number): Uint8Array[] {
  const records: Uint8Array[] = [];
  const callback = koffi.register((_context: unknown, data: unknown, size: number | bigint) => {
    records.push(new Uint8Array(koffi.view(data, Number(size))).slice());
    return 0;
  }, koffi.pointer(sample));
  const ring = create(mapFd, callback, null, null);
  if (!ring) throw new Error('libbpf makes no reader of the ring buffer');
  try {
    const consumed = consume(ring);
    if (consumed !== records.length) throw new Error(`libbpf consumed ${consumed} of ${records.length} records`);
  } finally {
    free(ring);
    koffi.unregister(callback);
  }
  return records;
}
