/** The smallest calls of bpf(2) that show whether the kernel has a feature. Each gives a descriptor or −errno. */
import { assemble, call, exit, mov } from '../asm/assemble.js';
import { instructionSize } from '../asm/opcodes.js';
import { joinSections, wordBytes } from '../btf/sections.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { FileDescriptor } from '../linux/file-descriptor.js';
import { liftMemoryLock } from '../linux/memory-lock.js';
import { attachTypes, commands, helpers, mapTypes, programTypes } from '../uapi/bpf.generated.js';
import { Attribute, bpf } from './bpf.js';

interface ProbeProgram {
  readonly type: keyof typeof programTypes;
  readonly attachType?: keyof typeof attachTypes;
  readonly flags?: number;
  /** The kernel function that it hooks, by its id in the kernel's BTF. */
  readonly attachBtfId?: number;
  /** What it returns; 0 unless given. */
  readonly returns?: number;
  /** Instructions in the place of returning a number. */
  readonly code?: Uint8Array;
  readonly name?: string;
}

/** Loads a program, of two instructions that return a number unless told otherwise. */
export function loadProbeProgram(program: ProbeProgram): number {
  const { type, attachType, flags = 0, attachBtfId = 0, returns = 0, name = '' } = program;
  const code = program.code ?? assemble(mov(0, returns), exit());
  liftMemoryLock();
  // prog_type 0, insn_cnt 4, insns 8, license 16, prog_flags 44, prog_name 48, expected_attach_type 68,
  // attach_btf_id 108
  return bpf(
    commands.prog_load,
    new Attribute(112)
      .u32(0, programTypes[type])
      .u32(4, code.length / instructionSize)
      .pointer(8, code)
      .path(16, 'GPL')
      .u32(44, flags)
      .name(48, name)
      .u32(68, attachType === undefined ? 0 : attachTypes[attachType])
      .u32(108, attachBtfId),
  );
}

/** Creates a map; an array of one entry with keys and values of four bytes unless told otherwise. */
export function createProbeMap(
  shape: {
    type?: keyof typeof mapTypes;
    keySize?: number;
    valueSize?: number;
    maxEntries?: number;
    flags?: number;
  } = {},
): number {
  const { type = 'array', keySize = 4, valueSize = 4, maxEntries = 1, flags = 0 } = shape;
  liftMemoryLock();
  // map_type 0, key_size 4, value_size 8, max_entries 12, map_flags 16
  const attribute = new Attribute(20).u32(0, mapTypes[type]).u32(4, keySize).u32(8, valueSize).u32(12, maxEntries);
  return bpf(commands.map_create, attribute.u32(16, flags));
}

/** Goes on with the descriptor that a call gave, and closes it; a refused call is the answer itself. */
export function thenClose(result: number, go: (fd: number) => number = () => 0): number {
  if (result < 0) return result;
  using fd = new FileDescriptor(result, 'probe');
  return go(fd.number);
}

/** bpf_get_attach_cookie, since Linux 5.15: whether the verifier takes a call of it. */
export function probeAttachCookie(): boolean {
  return thenClose(loadProbeProgram({ type: 'kprobe', code: assemble(call(helpers.get_attach_cookie), exit()) })) >= 0;
}

/** Loads BTF of records, in words, and strings. */
export function loadProbeBtf(words: readonly number[], strings: string): number {
  liftMemoryLock();
  const byteOrder = hostIsLittleEndian ? 'little' : 'big';
  const types = wordBytes(words, byteOrder);
  const bytes = joinSections([{ types, strings: new TextEncoder().encode(strings) }], byteOrder);
  // btf 0, btf_size 16
  return bpf(commands.btf_load, new Attribute(28).pointer(0, bytes).u32(16, bytes.length));
}
