/** Where objects of GCC and the GNU assembler differ from those of LLVM. */
import { instructionSize, opcode } from '../asm/opcodes.js';
import { type ElfFile, symbolType } from '../elf/elf.js';

/**
 * The GNU assembler before version 2.41 wrote the value of a variable's symbol into the code too, where every loader adds
 * it once more. Its version stands nowhere: it is taken for one of those where every load of a variable that is not the
 * first of its section holds at least that value, and one does.
 */
export function hasValuesInCode({ littleEndian, sections, symbols, relocations }: ElfFile): boolean {
  const comment = sections.find(({ name }) => name === '.comment')?.data ?? new Uint8Array(0);
  if (!/^\0?GCC:/.test(new TextDecoder().decode(comment.subarray(0, 8)))) return false;
  let seen = false;
  for (const [index, list] of relocations) {
    const { data } = sections[index] ?? { data: new Uint8Array(0) };
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    for (const relocation of list) {
      const symbol = symbols[relocation.symbol];
      if (symbol?.type !== symbolType.object || symbol.value === 0) continue;
      if (data[relocation.offset] !== opcode.loadImmediate64 || relocation.offset + instructionSize > data.length)
        continue;
      if (view.getInt32(relocation.offset + 4, littleEndian) < symbol.value) return false;
      seen = true;
    }
  }
  return seen;
}
