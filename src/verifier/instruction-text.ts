/** What an instruction does, read from its text in the kernel's listings. Source: `kernel/bpf/disasm.c`. */

/** Memory that an instruction itself reads or writes. */
export interface MemoryAccess {
  readonly write: boolean;
  /** Number of the register with the address. */
  readonly base: number;
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

const memory = /\*\((?:u|s)(8|16|32|64) \*\)\(r(\d+) ([-+]\d+)\)/;

/** `(71) r0 = *(u8 *)(r1 +3)`; undefined for what touches no memory by an address. */
export function accessIn(text: string): MemoryAccess | undefined {
  const match = memory.exec(text);
  const [found, bits, base, offset] = match ?? [];
  if (match === null || found === undefined) return undefined;
  const write = text.slice(0, match.index).includes('=') === false;
  return { write, base: Number(base), offset: Number(offset), size: Number(bits) / 8 };
}

/** The name of the helper or kernel function that is called: `bpf_map_lookup_elem`. */
export function calledIn(text: string): string | undefined {
  return /\bcall (?!pc)([\w.]+)#/.exec(text)?.[1];
}

export function callsFunction(text: string): boolean {
  return /\bcall pc[-+]/.test(text);
}

/** The register that the instruction writes, `R3`; none for jumps, stores and calls. */
export function writtenIn(text: string): string | undefined {
  const number = /^\([0-9a-f]{2}\) [rw](\d+) (?:[-+*/|&^%]|<<|>>|s>>|s\/|s%)?= /.exec(text)?.[1];
  return number === undefined ? undefined : `R${number}`;
}

/** For a conditional jump: how many instructions behind the next one it goes to. */
export function branchIn(text: string): number | undefined {
  const distance = /^\([0-9a-f]{2}\) (?:if |may_goto ).*?pc([-+]\d+)/.exec(text)?.[1];
  return distance === undefined ? undefined : Number(distance);
}
