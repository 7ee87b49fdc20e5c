/** BTF of the few types and functions that a linker step adds. Source: Linux `Documentation/bpf/btf.rst`, section 2. */
import { type Btf, readBtf } from '../../btf/btf.js';
import { kindNumbers } from '../../btf/kinds.js';
import { joinSections, wordBytes } from '../../btf/sections.js';
import type { BtfType, TypeId } from '../../btf/types.js';

export type GlueType = Extract<
  BtfType,
  { readonly kind: 'int' | 'pointer' | 'struct' | 'union' | 'function' | 'function-prototype' }
>;

export interface GlueTypes {
  /** By id, from 1. */
  readonly types: readonly GlueType[];
  /** The prototype that functions get whose object tells no types. */
  readonly anyFunction: TypeId;
  /** Texts of line information, by the name they are asked for. */
  readonly texts: readonly string[];
}

export interface GlueBtf {
  readonly btf: Btf;
  /** Types of the functions without one, in the order of their names. */
  readonly untyped: readonly TypeId[];
}

/** Where a text went: strings stand in the order of `texts`, before the names of types. */
export function textOffset(texts: readonly string[], text: string): number {
  let offset = 1;
  for (const one of texts) {
    if (one === text) return offset;
    offset += new TextEncoder().encode(one).length + 1;
  }
  throw new RangeError(`${text} is not among the texts`);
}

export function glueBtf(
  { types, anyFunction, texts }: GlueTypes,
  untyped: readonly string[],
  order: 'little' | 'big',
): GlueBtf {
  const all: GlueType[] = [
    ...types,
    ...untyped.map((name): GlueType => ({ kind: 'function', name, type: anyFunction, linkage: 'static' })),
  ];
  const strings = ['', ...texts];
  const offsets = new Map<string, number>([['', 0]]);
  let length = textOffset([...texts, '\0'], '\0');
  const nameOf = (name: string): number => {
    const known = offsets.get(name);
    if (known !== undefined) return known;
    offsets.set(name, length);
    strings.push(name);
    const at = length;
    length += new TextEncoder().encode(name).length + 1;
    return at;
  };
  const words = all.flatMap((type) => encodeType(type, nameOf));
  const text = new TextEncoder().encode(`${strings.join('\0')}\0`);
  const bytes = joinSections([{ types: wordBytes(words, order), strings: text }], order);
  return { btf: readBtf(bytes, 'types of the linker'), untyped: untyped.map((_, index) => types.length + 1 + index) };
}

function encodeType(type: GlueType, nameOf: (name: string) => number): number[] {
  const header = (members: number, sizeOrType: number) => [
    nameOf(type.name),
    (kindNumbers[type.kind] << 24) | members,
    sizeOrType,
  ];
  switch (type.kind) {
    case 'int':
      return [...header(0, type.size), (type.signed ? 1 << 24 : 0) | type.bits];
    case 'pointer':
      return header(0, type.type);
    case 'function':
      return header(type.linkage === 'global' ? 1 : 0, type.type);
    case 'struct':
    case 'union':
      return [
        ...header(type.members.length, type.size),
        ...type.members.flatMap((member) => [nameOf(member.name), member.type, member.bitOffset]),
      ];
    case 'function-prototype':
      return [
        ...header(type.parameters.length, type.returns),
        ...type.parameters.flatMap((parameter) => [nameOf(parameter.name), parameter.type]),
      ];
  }
}
