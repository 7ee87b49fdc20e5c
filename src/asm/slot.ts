/** Single fields of an instruction in place, for linkers that patch code without decoding it. */

/** The two register numbers share a byte, whose halves change places with the byte order. */
export function sourceRegister(code: Uint8Array, at: number, littleEndian: boolean): number {
  const registers = code[at + 1] ?? 0;
  return littleEndian ? registers >> 4 : registers & 15;
}

export function setSourceRegister(code: Uint8Array, at: number, source: number, littleEndian: boolean): void {
  const registers = code[at + 1] ?? 0;
  code[at + 1] = littleEndian ? (registers & 15) | (source << 4) : (registers & 0xf0) | source;
}
