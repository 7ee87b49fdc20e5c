/** Which types of program may call a helper: asked of the running kernel, whose releases differ in it. */
import { assemble, call, exit } from '../asm/assemble.js';
import { FileDescriptor } from '../linux/file-descriptor.js';
import {
  attachTypes as attachTypeNumbers,
  type attachTypes,
  commands,
  helpers,
  programTypes,
} from '../uapi/bpf.generated.js';
import { Attribute, bpf } from './bpf.js';

/** Types that are not loaded without a target in the kernel, and one that has no programs. */
const withTarget: ReadonlySet<string> = new Set(['unspec', 'tracing', 'lsm', 'ext', 'struct_ops']);

/** Attach types that the kernel wants to know at the load. */
const attachTypeOf: Readonly<Record<string, keyof typeof attachTypes>> = {
  cgroup_sock_addr: 'cgroup_inet4_connect',
  cgroup_sockopt: 'cgroup_getsockopt',
  sk_lookup: 'sk_lookup',
  netfilter: 'netfilter',
};
const sleepable = 1 << 4;

/** Kernel names in the order of their numbers; empty for a helper that has no number here. */
export function typesWithHelper(helper: string): string[] {
  const number = (helpers as Readonly<Record<string, number>>)[helper.replace(/^bpf_/, '')];
  if (number === undefined) return [];
  return Object.entries(programTypes).flatMap(([type, typeNumber]) =>
    !withTarget.has(type) && mayCall(type, typeNumber, number) ? [type] : [],
  );
}

/** The verifier asks whether a helper may be called before it looks at the arguments. */
function mayCall(type: string, typeNumber: number, helper: number): boolean {
  const log = new Uint8Array(new ArrayBuffer(4096));
  const attachType = attachTypeOf[type];
  // prog_type 0, insn_cnt 4, insns 8, license 16, log_level 24, log_size 28, log_buf 32, prog_flags 44,
  // expected_attach_type 68
  const attribute = new Attribute(112)
    .u32(0, typeNumber)
    .u32(4, 2)
    .pointer(8, assemble(call(helper), exit()))
    .path(16, 'GPL')
    .u32(24, 1)
    .u32(28, log.length)
    .pointer(32, log)
    .u32(44, type === 'syscall' ? sleepable : 0)
    .u32(68, attachType === undefined ? 0 : attachTypeNumbers[attachType]);
  const result = bpf(commands.prog_load, attribute);
  if (result >= 0) {
    new FileDescriptor(result, 'probe').close();
    return true;
  }
  const text = new TextDecoder().decode(log);
  return /\d+: \(/.test(text) && !/unknown func|cannot use helper/.test(text);
}
