/** Kernel features that xdpkit uses, each probed by doing the real thing. Releases: the kernel's git history. */
import type { Btf } from '../btf/btf.js';
import { XdpkitError } from '../errors/error.js';
import { runInFreshNetns } from '../linux/fresh-netns.js';
import { findFamily } from '../linux/netlink/generic.js';
import { createVethPair, getDevice } from '../linux/netlink/route/link.js';
import { NetlinkSocket } from '../linux/netlink/socket.js';
import { errnos } from '../linux/syscall-error.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf } from './bpf.js';
import { defineFeature, type FeatureState, type KernelFeature } from './feature.js';
import { BpfLink, createXdpLink } from './link.js';
import { loadFeatures } from './load-features.js';
import { xdpCapabilities } from './permission.js';
import { createProbeMap, loadProbeProgram, thenClose } from './probe-calls.js';
import { readTargetBtf } from './target-btf.js';

const fragsFlag = 1 << 5;
/** XDP_PASS. */
const pass = 2;

const loadXdp = (flags = 0): number => loadProbeProgram({ type: 'xdp', attachType: 'xdp', flags, returns: pass });

/** By what programs call them; the order is that of a report. */
export const kernelFeatures = {
  bpf: defineFeature({
    name: 'BPF',
    since: '3.18',
    what: 'programs in the kernel at all',
    needs: ['bpf'],
    attempt: () => thenClose(loadProbeProgram({ type: 'socket_filter' })),
  }),
  btf: { ...loadFeatures.btf, what: 'types of maps and source lines in verifier logs' },
  xdp: defineFeature({
    name: 'XDP programs',
    since: '4.8',
    what: 'programs that decide on packets before the network stack sees them',
    needs: xdpCapabilities,
    attempt: () => thenClose(loadXdp()),
  }),
  xdpTestRun: defineFeature({
    name: 'XDP test runs',
    since: '4.12',
    what: 'running a program on a packet from memory, without a device',
    needs: xdpCapabilities,
    attempt: () => thenClose(loadXdp(), runOnce),
  }),
  freeze: defineFeature({
    name: 'frozen maps',
    since: '5.2',
    what: 'constants that the verifier takes for granted',
    needs: ['bpf'],
    // map_fd 0
    attempt: () => thenClose(createProbeMap(), (fd) => bpf(commands.map_freeze, new Attribute(4).u32(0, fd))),
  }),
  mappableArrays: { ...loadFeatures.mappableArrays, what: 'global variables read and written without a system call' },
  trampolines: defineFeature({
    name: 'trampolines',
    since: '5.5',
    what: 'fentry and fexit programs, which watch kernel functions and other programs',
    needs: ['bpf', 'perfmon'],
    attempt: attachTrampoline,
  }),
  batches: defineFeature({
    name: 'batch operations',
    since: '5.6',
    what: 'reading and writing many map entries by one system call',
    needs: ['bpf'],
    attempt: () => thenClose(createProbeMap(), readBatch),
  }),
  ringBuffer: defineFeature({
    name: 'ring buffer',
    since: '5.8',
    what: 'events from programs in one order over all CPUs',
    needs: ['bpf'],
    // The size is a power of two and a multiple of the page, which has up to 64 KiB on arm64.
    attempt: () => thenClose(createProbeMap({ type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 65_536 })),
  }),
  xdpLinks: defineFeature({
    name: 'XDP links',
    since: '5.9',
    what: 'attachments that are owned, pinned and swapped as objects; netlink without them',
    needs: xdpCapabilities,
    attempt: () => thenClose(loadXdp(), attachLink),
  }),
  xdpFrags: defineFeature({
    name: 'XDP frags',
    since: '5.18',
    what: 'packets larger than a page',
    needs: xdpCapabilities,
    attempt: () => thenClose(loadXdp(fragsFlag)),
  }),
  netdevFamily: defineFeature({
    name: 'netdev family',
    since: '6.3',
    what: 'what a driver announces about XDP; a table of drivers without it',
    needs: [],
    attempt: findNetdevFamily,
  }),
} as const satisfies Record<string, KernelFeature>;

function readBatch(fd: number): number {
  // out_batch 8, keys 16, values 24, count 32, map_fd 36
  const buffer = (): Uint8Array => new Uint8Array(new ArrayBuffer(8));
  const attribute = new Attribute(56).pointer(8, buffer()).pointer(16, buffer()).pointer(24, buffer());
  const result = bpf(commands.map_lookup_batch, attribute.u32(32, 1).u32(36, fd));
  // It says that the map ends here.
  return -result === errnos.ENOENT ? 0 : result;
}

/** An ifindex that does not exist is answered as links are that the kernel does not know, so a real device is needed. */
function attachLink(fd: number): number {
  return runInFreshNetns(() => {
    using route = NetlinkSocket.open('route');
    createVethPair(route, { name: 'probe0' }, { name: 'probe1' });
    const link = createXdpLink(fd, getDevice(route, 'probe0').index, 'generic');
    if (!(link instanceof BpfLink)) return link;
    link[Symbol.dispose]();
    return 0;
  });
}

function runOnce(fd: number): number {
  const packet = new Uint8Array(new ArrayBuffer(64));
  // prog_fd 0, retval 4, data_size_in 8, data_in 16, repeat 32
  const attribute = new Attribute(40).u32(0, fd).u32(8, packet.length).pointer(16, packet).u32(32, 1);
  const result = bpf(commands.prog_test_run, attribute);
  if (result < 0) return result;
  return attribute.getU32(4) === pass ? 0 : -errnos.EINVAL;
}

/** Functions that no work load calls, or seldom: the first was made for tests of this. */
const quietFunctions = ['bpf_fentry_test1', 'do_unlinkat', 'vfs_read'];

/** Loads and attaches: arm64 kernels before 6.0 take the program and refuse to attach it. */
function attachTrampoline(): number | FeatureState {
  const btf = readVmlinux();
  if (btf === undefined) {
    return { available: false, because: 'absent', reason: `the kernel does not tell its types` };
  }
  const attachBtfId = quietFunctions.map((name) => btf.find('function', name)).find((id) => id !== undefined);
  if (attachBtfId === undefined) {
    return { available: false, because: 'absent', reason: "the kernel's BTF has no function that could be tried" };
  }
  const program = loadProbeProgram({ type: 'tracing', attachType: 'trace_fentry', attachBtfId });
  // name 0 (none), prog_fd 8
  return thenClose(program, (fd) => thenClose(bpf(commands.raw_tracepoint_open, new Attribute(16).u32(8, fd))));
}

function readVmlinux(): Btf | undefined {
  try {
    return readTargetBtf(undefined);
  } catch (error) {
    // Absent, not readable, or of a form that is not known: all the same for a probe.
    if (error instanceof XdpkitError) return undefined;
    throw error;
  }
}

function findNetdevFamily(): number {
  using generic = NetlinkSocket.open('generic');
  return findFamily(generic, 'netdev') === undefined ? -errnos.EOPNOTSUPP : 0;
}
