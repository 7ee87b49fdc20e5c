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
export const attachTypeAtLoad: Readonly<Record<string, keyof typeof attachTypes>> = {
  cgroup_sock_addr: 'cgroup_inet4_connect',
  cgroup_sockopt: 'cgroup_getsockopt',
  sk_lookup: 'sk_lookup',
  netfilter: 'netfilter',
};
export const sleepable = 1 << 4;

/** Kernel names in the order of their numbers; empty for a helper that has no number here. */
export function typesWithHelper(helper: string): string[] {
  return [...eachTypeWithHelper(helper)];
}

/** Lazily, for those whom one type is enough. */
export function* eachTypeWithHelper(helper: string): Generator<string> {
  const number = numberOf(helper);
  if (number === undefined) return;
  for (const [type, typeNumber] of Object.entries(programTypes)) {
    if (!withTarget.has(type) && mayCall(type, typeNumber, number)) yield type;
  }
}

/** Whether this process may load programs at all: every kernel lets socket filters look maps up. */
export function canTryHelpers(): boolean {
  return mayCall('socket_filter', programTypes.socket_filter, helpers.map_lookup_elem);
}

/** The helpers that programs of a type may call, without `bpf_`; undefined for what this process cannot try. */
export function helpersOfType(type: keyof typeof programTypes): string[] | undefined {
  if (withTarget.has(type) || !canTryHelpers()) return undefined;
  return Object.entries(helpers).flatMap(([helper, number]) =>
    number !== 0 && mayCall(type, programTypes[type], number) ? [helper] : [],
  );
}

/** Whether only programs under a licence that is compatible with the GPL may call it, as `type` does. */
export function isForGplOnly(helper: string, type: string): boolean | undefined {
  const [number, typeNumber] = [numberOf(helper), (programTypes as Readonly<Record<string, number>>)[type]];
  if (number === undefined || typeNumber === undefined) return undefined;
  return /GPL/.test(tryCall(type, typeNumber, number, 'Proprietary') ?? '');
}

function numberOf(helper: string): number | undefined {
  return (helpers as Readonly<Record<string, number>>)[helper.replace(/^bpf_/, '')];
}

/** The verifier asks whether a helper may be called before it looks at the arguments. */
function mayCall(type: string, typeNumber: number, helper: number): boolean {
  const text = tryCall(type, typeNumber, helper, 'GPL');
  return text === undefined || (/\d+: \(/.test(text) && !/unknown func|cannot use helper|might sleep/.test(text));
}

/** What the verifier says of a program that does nothing but call; undefined where it takes it. */
function tryCall(type: string, typeNumber: number, helper: number, licence: string): string | undefined {
  const log = new Uint8Array(new ArrayBuffer(4096));
  const attachType = attachTypeAtLoad[type];
  // prog_type 0, insn_cnt 4, insns 8, license 16, log_level 24, log_size 28, log_buf 32, prog_flags 44,
  // expected_attach_type 68
  const attribute = new Attribute(112)
    .u32(0, typeNumber)
    .u32(4, 2)
    .pointer(8, assemble(call(helper), exit()))
    .path(16, licence)
    .u32(24, 1)
    .u32(28, log.length)
    .pointer(32, log)
    .u32(44, type === 'syscall' ? sleepable : 0)
    .u32(68, attachType === undefined ? 0 : attachTypeNumbers[attachType]);
  const result = bpf(commands.prog_load, attribute);
  if (result < 0) return new TextDecoder().decode(log);
  new FileDescriptor(result, 'probe').close();
  return undefined;
}
