/**
 * The kernel's BTF check knows no externs: in a copy they are declared as global, and what stands in `.ksyms` as
 * variables of four bytes. Source: libbpf `src/libbpf.c` (`bpf_object__collect_externs`), Linux `kernel/bpf/btf.c`.
 */
import type { Btf } from '../btf/btf.js';
import { readBtf } from '../btf/btf.js';
import { extendBtf } from '../btf/extend.js';
import { kindNumbers, typeHeaderSize } from '../btf/kinds.js';
import type { TypeId } from '../btf/types.js';
import { symbolsSection } from './externs.js';

/** The name of the variable that stands for functions, and of parameters that have none. */
const placeholder = 'dummy_ksym';
const standInSize = 4;
const global = 1;

/** The same types under the same ids, and at most two more; `btf` itself where it has no externs. */
export function declareExterns(btf: Btf, where: string): Btf {
  const functions = [...btf.idsOf('function')].filter((id) => btf.isExtern(id));
  const variables = [...btf.idsOf('variable')].filter((id) => btf.isExtern(id));
  const section = btf.find('section', symbolsSection);
  if (functions.length === 0 && variables.length === 0 && section === undefined) return btf;

  const { bytes, integer, standIn, nameOffset } = addStandIns(btf);
  const extended = readBtf(bytes, where);
  const littleEndian = btf.byteOrder === 'little';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const write = (id: TypeId, at: number, value: number) =>
    view.setUint32(extended.recordOffset(id) + at, value, littleEndian);

  for (const id of variables) write(id, typeHeaderSize, global);
  for (const id of functions) {
    // Linkage is the lower half of the info word.
    view.setUint16(extended.recordOffset(id) + (littleEndian ? 4 : 6), global, littleEndian);
    nameParameters(extended, id, nameOffset, write);
  }
  const symbols = section === undefined ? undefined : extended.type(section);
  if (section !== undefined && symbols?.kind === 'section') {
    symbols.variables.forEach(({ type }, index) => {
      const entry = typeHeaderSize + index * 12;
      if (extended.kind(type) === 'function') write(section, entry, standIn);
      else write(type, 8, integer);
      write(section, entry + 4, index * standInSize);
      write(section, entry + 8, standInSize);
    });
    write(section, 8, symbols.variables.length * standInSize);
  }
  // What was decoded on the way is what it was before.
  return readBtf(bytes, where);
}

/** The kernel wants every parameter of a function to have a name. */
function nameParameters(
  btf: Btf,
  id: TypeId,
  nameOffset: number,
  write: (id: TypeId, at: number, value: number) => void,
): void {
  const type = btf.type(id);
  const prototype = type.kind === 'function' ? btf.type(type.type) : undefined;
  if (type.kind !== 'function' || prototype?.kind !== 'function-prototype') return;
  prototype.parameters.forEach((parameter, index) => {
    if (parameter.type !== 0 && parameter.name === '') write(type.type, typeHeaderSize + index * 8, nameOffset);
  });
}

/** The BTF with a variable that functions are replaced by, and its type, an integer of 32 bits. */
function addStandIns(btf: Btf) {
  const known = [...btf.idsOf('int')].find((id) => {
    const type = btf.type(id);
    return type.kind === 'int' && type.bits === 32;
  });
  const int = (name: number) => [name, kindNumbers.int << 24, 4, (1 << 24) | 32];
  const { count } = btf;
  const integer = known ?? count;
  const standIn = known === undefined ? count + 1 : count;
  const { bytes, stringOffset } = extendBtf(btf, `${placeholder}\0int\0`, (name) => [
    ...(known === undefined ? int(name + placeholder.length + 1) : []),
    ...[name, kindNumbers.variable << 24, integer, global],
  ]);
  return { bytes, integer, standIn, nameOffset: stringOffset };
}
