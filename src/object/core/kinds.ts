/** What CO-RE relocations ask. Source: Linux `include/uapi/linux/bpf.h` (`enum bpf_core_relo_kind`). */

export type FieldQuestion = 'offset' | 'size' | 'exists' | 'signed' | 'left-shift' | 'right-shift';
export type TypeQuestion = 'local-id' | 'target-id' | 'exists' | 'size' | 'matches';
export type EnumeratorQuestion = 'exists' | 'value';

export type RelocationKind = { readonly words: (subject: string) => string } & (
  | { readonly of: 'field'; readonly question: FieldQuestion }
  | { readonly of: 'type'; readonly question: TypeQuestion }
  | { readonly of: 'enumerator'; readonly question: EnumeratorQuestion }
);

/** By number. */
const kinds: readonly RelocationKind[] = [
  { of: 'field', question: 'offset', words: (field) => `asks for the offset of ${field}` },
  { of: 'field', question: 'size', words: (field) => `asks for the size of ${field}` },
  { of: 'field', question: 'exists', words: (field) => `asks whether ${field} exists` },
  { of: 'field', question: 'signed', words: (field) => `asks whether ${field} is signed` },
  { of: 'field', question: 'left-shift', words: (field) => `asks for the bits left of ${field}` },
  { of: 'field', question: 'right-shift', words: (field) => `asks for the bits right of ${field}` },
  { of: 'type', question: 'local-id', words: (type) => `asks for the object's own id of ${type}` },
  { of: 'type', question: 'target-id', words: (type) => `asks for the kernel's id of ${type}` },
  { of: 'type', question: 'exists', words: (type) => `asks whether ${type} exists` },
  { of: 'type', question: 'size', words: (type) => `asks for the size of ${type}` },
  { of: 'enumerator', question: 'exists', words: (enumerator) => `asks whether ${enumerator} exists` },
  { of: 'enumerator', question: 'value', words: (enumerator) => `asks for the value of ${enumerator}` },
  { of: 'type', question: 'matches', words: (type) => `asks whether the kernel's type matches ${type}` },
];

export function relocationKind(number: number): RelocationKind | undefined {
  return kinds[number];
}

/** Only the object's own types answer it: no kernel is asked. */
export function isLocal(kind: RelocationKind): boolean {
  return kind.of === 'type' && kind.question === 'local-id';
}
