/**
 * Clang leaves the sizes of sections and the offsets of their global variables open; the kernel wants them filled in
 * and the variables sorted. Source: Linux `kernel/bpf/btf.c` (`btf_datasec_check_meta`).
 */
import type { Btf } from './btf.js';
import { typeHeaderSize } from './kinds.js';

export interface SectionLayout {
  /** Bytes. */
  readonly size: number;
  /** Of global symbols, in bytes from the start of the section. */
  readonly offsets: ReadonlyMap<string, number>;
}

const variableSize = 12;

/**
 * A copy of the BTF's bytes in which the sections named in `sections` are laid out. A static variable keeps its
 * offset: the compiler knows it, and names of statics need not be unique. `hidden` names global functions that are not
 * visible outside the object: they become static, so that the kernel verifies them with what their callers pass.
 * Throws `FormatError` for a global variable without a symbol.
 */
export function layOutSections(
  btf: Btf,
  sections: ReadonlyMap<string, SectionLayout>,
  hidden: ReadonlySet<string> = new Set(),
): Uint8Array {
  // Not `slice()`, which shares memory when the bytes are a Buffer.
  const bytes = new Uint8Array(btf.bytes);
  const view = new DataView(bytes.buffer);
  const littleEndian = btf.byteOrder === 'little';
  if (hidden.size > 0) {
    for (const id of btf.idsOf('function')) {
      // Linkage is the lower half of the info word; static is 0.
      if (hidden.has(btf.type(id).name)) view.setUint16(btf.recordOffset(id) + (littleEndian ? 4 : 6), 0);
    }
  }
  for (const id of btf.idsOf('section')) {
    const section = btf.type(id);
    const layout = section.kind === 'section' ? sections.get(section.name) : undefined;
    if (section.kind !== 'section' || !layout) continue;
    const variables = section.variables.map((entry) => {
      const variable = btf.type(entry.type);
      if (variable.kind !== 'variable') {
        throw btf.error(id, `(section ${section.name}) holds a ${variable.kind}, not a variable`);
      }
      if (variable.linkage === 'static') return entry;
      const offset = layout.offsets.get(variable.name);
      if (offset === undefined) {
        throw btf.error(id, `(section ${section.name}) holds ${variable.name}, which the symbol table lacks there`);
      }
      return { ...entry, offset };
    });
    variables.sort((left, right) => left.offset - right.offset);
    let at = btf.recordOffset(id);
    view.setUint32(at + 8, layout.size, littleEndian);
    at += typeHeaderSize;
    for (const { type, offset, size } of variables) {
      view.setUint32(at, type, littleEndian);
      view.setUint32(at + 4, offset, littleEndian);
      view.setUint32(at + 8, size, littleEndian);
      at += variableSize;
    }
  }
  return bytes;
}
