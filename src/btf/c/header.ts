/** BTF as a C header, as `vmlinux.h` is: what BPF programs include to read the kernel's structs by CO-RE. */
import type { Btf } from '../btf.js';
import { ownTypes, referencesOf } from '../needed.js';
import type { TypeId } from '../types.js';
import { Declarations, type DeclarationTags } from './declarations.js';
import { Order } from './order.js';

export interface CHeaderOptions {
  /** Only these and what they need; all that C can name unless given, of split BTF its own. */
  readonly types?: readonly TypeId[];
  /** Name of the include guard; `__VMLINUX_H__` unless given. */
  readonly guard?: string;
}

/**
 * A C header with the types, every member where BTF has it when clang compiles for BPF (other 64-bit targets of System V
 * lay out the same). Records carry `preserve_access_index`, unless BPF_NO_PRESERVE_ACCESS_INDEX is defined; kernel
 * functions that programs may call (kfuncs) are declared weak, unless BPF_NO_KFUNC_PROTOTYPES is. Throws `FormatError` for
 * types that no C compiler would have made.
 */
export function writeCHeader(btf: Btf, { types, guard = '__VMLINUX_H__' }: CHeaderOptions = {}): string {
  const tags = declarationTags(btf);
  const order = new Order(btf);
  for (const id of types ?? namedTypes(btf)) order.add(id, true);
  if (types === undefined) for (const id of looseEnums(btf)) order.addEnumerators(id);
  const kfuncs = types === undefined ? kernelFunctions(btf, tags) : [];
  for (const { prototype } of kfuncs) order.add(prototype, false);
  const declarations = new Declarations(
    btf,
    order.steps.map(({ id }) => id),
    tags,
  );
  const defined = new Set<string>();
  const parts = order.steps.flatMap(({ kind, id }) => {
    if (kind === 'define') return [declarations.define(id)];
    const text = declarations.forward(id);
    if (defined.has(text)) return [];
    defined.add(text);
    return [text];
  });
  return [
    `#ifndef ${guard}\n#define ${guard}\n`,
    '#if defined(__clang__) && !defined(BPF_NO_PRESERVE_ACCESS_INDEX)\n' +
      '#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)\n#endif\n',
    ...parts,
    ...(kfuncs.length === 0 ? [] : [functionsText(kfuncs.map(({ id }) => declarations.declareFunction(id)))]),
    '#if defined(__clang__) && !defined(BPF_NO_PRESERVE_ACCESS_INDEX)\n#pragma clang attribute pop\n#endif\n',
    `#endif /* ${guard} */\n`,
  ].join('\n');
}

function* namedTypes(btf: Btf): Generator<TypeId> {
  for (const id of ownTypes(btf)) {
    const kind = btf.kind(id);
    if (kind !== 'struct' && kind !== 'union' && kind !== 'enum' && kind !== 'enum64' && kind !== 'typedef') continue;
    if (btf.type(id).name !== '') yield id;
  }
}

/** Enums without a name that no other type holds: C has them for their enumerators. */
function looseEnums(btf: Btf): TypeId[] {
  const first = btf.base?.count ?? 1;
  const loose = new Set<TypeId>();
  for (const kind of ['enum', 'enum64'] as const) {
    for (const id of btf.idsOf(kind)) if (id >= first && btf.type(id).name === '') loose.add(id);
  }
  if (loose.size === 0) return [];
  for (const id of ownTypes(btf)) for (const held of referencesOf(btf.type(id))) loose.delete(held);
  return [...loose];
}

function declarationTags(btf: Btf): DeclarationTags {
  const tags = new Map<TypeId, Map<number, string[]>>();
  for (const id of btf.idsOf('declaration-tag')) {
    const tag = btf.type(id);
    if (tag.kind !== 'declaration-tag') continue;
    const ofType = tags.get(tag.type) ?? new Map<number, string[]>();
    ofType.set(tag.componentIndex, [...(ofType.get(tag.componentIndex) ?? []), tag.name]);
    tags.set(tag.type, ofType);
  }
  return tags;
}

/** Functions that pahole has tagged as callable by programs. */
function kernelFunctions(btf: Btf, tags: DeclarationTags): { id: TypeId; prototype: TypeId }[] {
  const named = new Set<string>();
  return [...btf.idsOf('function')].flatMap((id) => {
    const isOwn = id >= (btf.base?.count ?? 1);
    if (!isOwn || !tags.get(id)?.get(-1)?.includes('bpf_kfunc')) return [];
    const type = btf.type(id);
    if (type.kind !== 'function' || named.has(type.name)) return [];
    named.add(type.name);
    return [{ id, prototype: type.type }];
  });
}

function functionsText(declarations: readonly string[]): string {
  return [
    '#ifndef BPF_NO_KFUNC_PROTOTYPES',
    '#ifndef __ksym',
    '#define __ksym __attribute__((section(".ksyms")))',
    '#endif',
    '#ifndef __weak',
    '#define __weak __attribute__((weak))',
    '#endif',
    '',
    ...declarations.map((declaration) => `extern ${declaration} __weak __ksym;`),
    '#endif',
    '',
  ].join('\n');
}
