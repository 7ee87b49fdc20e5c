/** Whether the running kernel has a type of maps or programs: asked by making the smallest of them. */
import { assemble, exit, mov } from '../asm/assemble.js';
import { XdpkitError } from '../errors/error.js';
import { errnoName, errnos } from '../linux/syscall-error.js';
import { attachTypes, commands, mapTypes, programTypes } from '../uapi/bpf.generated.js';
import { Attribute, bpf } from './bpf.js';
import { createPlainMap, type PlainMap } from './create-plain-map.js';
import { attachTypeAtLoad, sleepable } from './helper-types.js';
import { loadProbeProgram, thenClose } from './probe-calls.js';

export type TypeState =
  | { readonly here: true }
  /** `absent`: the kernel does not have it; `refused`: it has, or may have it, and does not let us. */
  | { readonly here: false; readonly because: 'absent' | 'refused'; readonly reason: string };

const here: TypeState = { here: true };
/** ENOTSUPP, which is the kernel's own. */
const notSupported = 524;

/** Shapes of those that do not take four bytes for four bytes, or less where the type leaves no choice. */
const shapes: Readonly<Record<string, Partial<PlainMap>>> = {
  stack_trace: { valueSize: 8 },
  lpm_trie: { keySize: 8, valueSize: 4 },
  cgroup_storage: { keySize: 8, valueSize: 8, maxEntries: 0 },
  percpu_cgroup_storage: { keySize: 8, valueSize: 8, maxEntries: 0 },
  sk_storage: { valueSize: 8, maxEntries: 0 },
  inode_storage: { valueSize: 8, maxEntries: 0 },
  task_storage: { valueSize: 8, maxEntries: 0 },
  cgrp_storage: { valueSize: 8, maxEntries: 0 },
  reuseport_sockarray: { valueSize: 8 },
};
const withoutKeys: ReadonlySet<string> = new Set(['queue', 'stack', 'bloom_filter']);
const withoutSizes: ReadonlySet<string> = new Set(['ringbuf', 'user_ringbuf', 'arena']);

/** `type`: a kernel name in `mapTypes`. Leaves nothing behind. */
export function probeMapType(type: keyof typeof mapTypes): TypeState {
  if (type === 'struct_ops') return probeStructOps();
  const sizes = withoutSizes.has(type) ? {} : withoutKeys.has(type) ? { valueSize: 4 } : { keySize: 4, valueSize: 4 };
  try {
    using inner = /_of_maps$/.test(type)
      ? createPlainMap({ name: 'probe', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 })
      : undefined;
    using _made = createPlainMap({ maxEntries: 1, ...sizes, ...shapes[type], name: 'probe', type, inner });
    return here;
  } catch (error) {
    if (!(error instanceof XdpkitError)) throw error;
    const because = error.code === 'NOT_PERMITTED' ? 'refused' : 'absent';
    return { here: false, because, reason: error.message };
  }
}

/** It is made for a struct of the kernel; asked for one that is none, a kernel that knows the type says ENOTSUPP. */
function probeStructOps(): TypeState {
  // map_type 0, key_size 4, value_size 8, max_entries 12, btf_vmlinux_value_type_id 60
  const attribute = new Attribute(72).u32(0, mapTypes.struct_ops).u32(4, 4).u32(8, 4).u32(12, 1).u32(60, 1);
  return judge(bpf(commands.map_create, attribute), notSupported);
}

/** What is hooked, where a type does not load without; none of it is attached. */
const targets: Readonly<Record<string, 'trace_fentry' | 'lsm_mac' | undefined>> = {
  tracing: 'trace_fentry',
  lsm: 'lsm_mac',
  ext: undefined,
};

/** `type`: a kernel name in `programTypes`. Leaves nothing behind. */
export function probeProgramType(type: keyof typeof programTypes): TypeState {
  if (type === 'struct_ops') return judge(loadProbeProgram({ type }), notSupported);
  if (type in targets) return probeWithTarget(type, targets[type]);
  const attachType = attachTypeAtLoad[type];
  const flags = type === 'syscall' ? sleepable : 0;
  // A verdict of 1 is allowed to all types.
  return judge(thenClose(loadProbeProgram({ type, flags, returns: 1, ...(attachType ? { attachType } : {}) })));
}

/**
 * Number 1 is no function: the verifier says so where the kernel knows the type, and where it does not, nobody says
 * anything.
 */
function probeWithTarget(type: keyof typeof programTypes, attachType: keyof typeof attachTypes | undefined): TypeState {
  const log = new Uint8Array(new ArrayBuffer(4096));
  // prog_type 0, insn_cnt 4, insns 8, license 16, log_level 24, log_size 28, log_buf 32, expected_attach_type 68,
  // attach_btf_id 108
  const attribute = new Attribute(112)
    .u32(0, programTypes[type])
    .u32(4, 2)
    .pointer(8, assemble(mov(0, 0), exit()))
    .path(16, 'GPL')
    .u32(24, 1)
    .u32(28, log.length)
    .pointer(32, log)
    .u32(68, attachType === undefined ? 0 : attachTypes[attachType])
    .u32(108, 1);
  return judge(bpf(commands.prog_load, attribute), log[0] === 0 ? undefined : errnos.EINVAL);
}

/** `known`: the refusal by which a kernel shows that it has the type. */
function judge(result: number, known?: number): TypeState {
  if (result >= 0 || -result === known) return here;
  const isRefusal = -result === errnos.EPERM || -result === errnos.EACCES;
  const answer = `the kernel answers ${errnoName(-result)}`;
  return { here: false, because: isRefusal ? 'refused' : 'absent', reason: answer };
}
