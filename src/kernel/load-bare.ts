/** Programs of a few instructions without an object: what measures and asks the kernel are made of. */
import { FileDescriptor } from '../linux/file-descriptor.js';
import { liftMemoryLock } from '../linux/memory-lock.js';
import { attachTypes, commands, programTypes } from '../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError } from './bpf.js';

/** `type` and `attachType` are kernel names. Errors: `SYSCALL` where the verifier refuses the code, `NOT_PERMITTED`. */
export function loadBareProgram(code: Uint8Array, type: string, attachType?: string): FileDescriptor {
  liftMemoryLock();
  // prog_type 0, insn_cnt 4, insns 8, license 16, expected_attach_type 68
  const attribute = new Attribute(112)
    .u32(0, (programTypes as Readonly<Record<string, number>>)[type] ?? 0)
    .u32(4, code.length / 8)
    .pointer(8, code)
    .path(16, 'GPL')
    .u32(68, attachType === undefined ? 0 : ((attachTypes as Readonly<Record<string, number>>)[attachType] ?? 0));
  const result = bpf(commands.prog_load, attribute);
  if (result >= 0) return new FileDescriptor(result, `a ${type} program`);
  throw bpfError(`load ${code.length / 8} instructions as a program of type ${type}`, -result);
}
