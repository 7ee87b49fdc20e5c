/** What each type of maps is for, in our own words. Rules of sizes and flags: `map_alloc_check` of each in `kernel/bpf/`. */

export interface MapWords {
  readonly what: string;
  readonly key: string;
  readonly value: string;
  /** What `max_entries` means, where it is not the number of entries. */
  readonly entries?: string;
  /** What somebody should know who takes it. */
  readonly notes?: readonly string[];
  /** Flags of creation that mean something to it, beyond those that all maps take (NUMA_NODE, RDONLY, WRONLY). */
  readonly flags?: readonly (keyof typeof mapFlags)[];
}

export const mapFlags = {
  NO_PREALLOC: 'memory is taken when entries come, not at once',
  NO_COMMON_LRU: 'each CPU has a list of its own: faster, and which entry goes is decided by CPU',
  STACK_BUILD_ID: 'frames are kept as build id and offset in the file, not as addresses',
  RDONLY_PROG: 'programs may only read',
  WRONLY_PROG: 'programs may only write',
  ZERO_SEED: 'hashes do not differ from map to map: for tests',
  CLONE: 'an accepted socket inherits the value of its listener',
  MMAPABLE: 'user space may map the values into its memory',
  PRESERVE_ELEMS: 'events stay when the process that put them there is gone',
  INNER_MAP: 'the maps in a map of maps may differ in length',
  LINK: 'it is put to work and taken off by a link',
  SEGV_ON_FAULT: 'a page that no program has allocated is a fault, instead of being made',
  NO_USER_CONV: 'pointers in it are left as programs see them',
} as const;

const index = 'u32, an index from 0';
const anyBytes = 'any bytes';
const perCpu = 'one per possible CPU; user space reads all of them, each padded to 8 bytes';
const hashFlags = ['NO_PREALLOC', 'ZERO_SEED', 'RDONLY_PROG', 'WRONLY_PROG'] as const;
const lruFlags = ['NO_COMMON_LRU', 'ZERO_SEED', 'RDONLY_PROG', 'WRONLY_PROG'] as const;
const access = ['RDONLY_PROG', 'WRONLY_PROG'] as const;

export const mapWords: Readonly<Record<string, MapWords>> = {
  hash: {
    what: 'A hash table: an update of a new key fails when the map is full (E2BIG).',
    key: anyBytes,
    value: anyBytes,
    flags: hashFlags,
  },
  array: {
    what: 'A fixed row of values, zero at the beginning; nothing can be deleted. Look-ups cost next to nothing.',
    key: index,
    value: anyBytes,
    flags: ['MMAPABLE', 'INNER_MAP', ...access],
    notes: ['Global variables live in arrays of one entry: .data, .bss and .rodata.'],
  },
  prog_array: {
    what: 'Programs to jump to by bpf_tail_call.',
    key: index,
    value: 'u32: written as a descriptor of a program, read as its id',
    notes: [
      'All programs in it have the type of the first one that was put in or uses it.',
      'It is emptied when the last pin and descriptor of it are gone, although programs still use it.',
    ],
  },
  perf_event_array: {
    what: 'Perf events: buffers by which bpf_perf_event_output sends events to user space, one per CPU, or counters to read.',
    key: 'u32, usually the CPU',
    value: 'u32, a descriptor of a perf event',
    flags: ['PRESERVE_ELEMS'],
    notes: ['A ring buffer (ringbuf, Linux 5.8) keeps the order over all CPUs and needs less memory.'],
  },
  percpu_hash: {
    what: 'A hash table with a value for each CPU: counters without locks and without shared cache lines.',
    key: anyBytes,
    value: perCpu,
    flags: hashFlags,
  },
  percpu_array: {
    what: 'An array with a value for each CPU: the usual place of counters.',
    key: index,
    value: `${perCpu}; at most 32 KiB`,
    flags: access,
  },
  stack_trace: {
    what: 'Stacks by number, as bpf_get_stackid stores them.',
    key: 'u32, the number that bpf_get_stackid gave',
    value: 'u64 for each frame',
    flags: ['STACK_BUILD_ID'],
  },
  cgroup_array: {
    what: 'Control groups, for bpf_skb_under_cgroup and bpf_current_task_under_cgroup.',
    key: index,
    value: 'u32, a descriptor of a control group (version 2)',
  },
  lru_hash: {
    what: 'A hash table that is never full: entries that were not used lately make room.',
    key: anyBytes,
    value: anyBytes,
    flags: lruFlags,
    notes: ['Under pressure entries go before the limit is reached, since CPUs keep free ones of their own.'],
  },
  lru_percpu_hash: {
    what: 'As lru_hash, with a value for each CPU.',
    key: anyBytes,
    value: perCpu,
    flags: lruFlags,
  },
  lpm_trie: {
    what: 'Longest prefix match: the entry with the longest prefix that the key has, as routers do it.',
    key: 'u32 length of the prefix in bits, then 1 to 256 bytes in network order',
    value: anyBytes,
    flags: ['NO_PREALLOC', ...access],
    notes: [
      'NO_PREALLOC must be set.',
      'A look-up walks down a tree: with 100,000 prefixes it costs many times what a hash does.',
    ],
  },
  array_of_maps: {
    what: 'Maps by index: the whole of a table is exchanged in one step.',
    key: index,
    value: 'u32: written as a descriptor of a map, read as its id',
    notes: ['All maps in it have the type, sizes and flags of the one that was named at creation.'],
  },
  hash_of_maps: {
    what: 'Maps by key.',
    key: anyBytes,
    value: 'u32: written as a descriptor of a map, read as its id',
    flags: ['NO_PREALLOC'],
    notes: ['All maps in it have the type, sizes and flags of the one that was named at creation.'],
  },
  devmap: {
    what: 'Devices that bpf_redirect_map sends packets out of; in bulk, which makes it faster than bpf_redirect.',
    key: index,
    value:
      'u32 ifindex, and from Linux 5.8 a u32 descriptor of a program (SEC("xdp/devmap")) that sees each packet there',
    notes: ['A device that goes away leaves the map.', 'Indexes are those of the network namespace that writes.'],
  },
  sockmap: {
    what: 'Sockets by index, to which sk_skb and sk_msg programs redirect data without the way through the stack.',
    key: index,
    value: 'u32 or u64, a descriptor of a socket; read as its cookie (u64)',
    notes: [
      'Programs are attached to the map, and run for all sockets in it, until its last pin and descriptor are gone.',
    ],
  },
  cpumap: {
    what: 'CPUs that bpf_redirect_map hands packets to, where a kernel thread makes them go on up the stack.',
    key: 'u32, the number of the CPU',
    value: 'u32 length of the queue, and from Linux 5.9 a u32 descriptor of a program (SEC("xdp/cpumap"))',
  },
  xskmap: {
    what: 'AF_XDP sockets, to which bpf_redirect_map hands whole packets for user space.',
    key: 'u32, by custom the number of the receive queue',
    value: 'u32, a descriptor of an AF_XDP socket',
    notes: ['A packet goes to a socket only on the device and queue that the socket is bound to.'],
  },
  sockhash: {
    what: 'As sockmap, by key.',
    key: anyBytes,
    value: 'u32 or u64, a descriptor of a socket; read as its cookie (u64)',
  },
  cgroup_storage: {
    what: 'A value for each control group that a program is attached to. cgrp_storage (Linux 6.2) has taken its place.',
    key: 'struct bpf_cgroup_storage_key, or from Linux 5.9 u64, the id of the control group',
    value: anyBytes,
    entries: '0',
  },
  reuseport_sockarray: {
    what: 'Sockets of a reuseport group, among which an sk_reuseport program chooses.',
    key: index,
    value: 'u32 or u64, a descriptor of a socket; read as its cookie (u64)',
  },
  percpu_cgroup_storage: {
    what: 'As cgroup_storage, with a value for each CPU.',
    key: 'as in cgroup_storage',
    value: perCpu,
    entries: '0',
  },
  queue: {
    what: 'First in, first out: push, peek and pop, from programs and user space.',
    key: 'none',
    value: anyBytes,
    flags: access,
  },
  stack: {
    what: 'Last in, first out: push, peek and pop, from programs and user space.',
    key: 'none',
    value: anyBytes,
    flags: access,
  },
  sk_storage: {
    what: 'A value for each socket, which goes with it.',
    key: 'int, a descriptor of a socket; programs give the socket itself',
    value: 'any bytes, with BTF',
    entries: '0',
    flags: ['NO_PREALLOC', 'CLONE'],
    notes: ['NO_PREALLOC must be set.'],
  },
  devmap_hash: {
    what: 'As devmap, by any number: there an ifindex can be the key although it is large.',
    key: 'u32, any number',
    value: 'as in devmap',
  },
  struct_ops: {
    what: 'A table of functions of the kernel (a congestion control, a scheduler) made of programs.',
    key: 'u32, always 0',
    value: 'the struct, by its type in the BTF of the kernel',
    entries: '1',
    flags: ['LINK'],
  },
  ringbuf: {
    what: 'Events for user space in one buffer over all CPUs, in order; programs write them in place.',
    key: 'none',
    value: 'none',
    entries: 'its size in bytes: a power of two, and a multiple of a page',
  },
  inode_storage: {
    what: 'A value for each inode, for LSM programs and others that have one; it goes with the inode.',
    key: 'int, a descriptor of a file; programs give the inode itself',
    value: 'any bytes, with BTF',
    entries: '0',
    flags: ['NO_PREALLOC'],
    notes: ['NO_PREALLOC must be set.'],
  },
  task_storage: {
    what: 'A value for each task (thread), which goes with it.',
    key: 'int, a pidfd; programs give the task itself',
    value: 'any bytes, with BTF',
    entries: '0',
    flags: ['NO_PREALLOC'],
    notes: ['NO_PREALLOC must be set.'],
  },
  bloom_filter: {
    what: 'Whether a value was ever put in: no is certain, yes is probable. Nothing can be taken out.',
    key: 'none',
    value: anyBytes,
    entries: 'how many values it is made for; more make a wrong yes likelier',
    flags: ['ZERO_SEED', ...access],
    notes: ['The lowest 4 bits of map_extra are the number of hash functions; 5 when they are 0.'],
  },
  user_ringbuf: {
    what: 'A ring buffer in the other direction: user space writes, a program reads by bpf_user_ringbuf_drain.',
    key: 'none',
    value: 'none',
    entries: 'its size in bytes: a power of two, and a multiple of a page',
  },
  cgrp_storage: {
    what: 'A value for each control group, attached or not, which goes with it.',
    key: 'int, a descriptor of a control group; programs give the group itself',
    value: 'any bytes, with BTF',
    entries: '0',
    flags: ['NO_PREALLOC'],
    notes: ['NO_PREALLOC must be set.'],
  },
  arena: {
    what: 'Memory that programs and user space share, with pointers that are good on both sides.',
    key: 'none',
    value: 'none',
    entries: 'its size in pages, at most 4 GiB',
    flags: ['MMAPABLE', 'SEGV_ON_FAULT', 'NO_USER_CONV'],
    notes: ['MMAPABLE must be set. map_extra is the address that user space wants it at; 0 for any.'],
  },
};
