/**
 * Types that may be the object's: those of its name and kind in the target, or, where the target has none, in the
 * kernel's modules. Source: libbpf `src/libbpf.c` (`bpf_core_find_cands`).
 */
import type { Btf } from '../../btf/btf.js';
import type { TypeId } from '../../btf/types.js';

/** What relocations are answered from. */
export interface RelocationTarget {
  readonly btf: Btf;
  /** Asked when the first type is needed that the target lacks. */
  readonly modules?: (() => ModulesOfTarget) | undefined;
}

/** The types of the kernel's modules, each of which go on with the target's. */
export interface ModulesOfTarget {
  readonly modules: readonly { readonly btf: Btf }[];
  /** Why they could not be looked at. */
  readonly problem: string | undefined;
}

export interface Candidate {
  readonly types: Btf;
  readonly id: TypeId;
}

export interface Candidates {
  readonly list: readonly Candidate[];
  /** What has to stay as it is for the list to hold. */
  readonly source: object;
  /** "it has no type of that name and kind": why there is none. */
  readonly none: string;
}

/** In order of their ids, of the modules as these are listed. Types of the target and of modules are never mixed. */
export function findCandidates(local: Btf, root: TypeId, { btf, modules }: RelocationTarget): Candidates {
  const { name, kind } = local.type(root);
  const kinds = kind === 'enum' || kind === 'enum64' ? ['enum', 'enum64'] : [kind];
  const among = (types: Btf, ids: readonly TypeId[]): Candidate[] =>
    ids.filter((id) => kinds.includes(types.kind(id))).map((id) => ({ types, id }));
  const none = 'it has no type of that name and kind';
  for (const types of btf.base ? [btf.base, btf] : [btf]) {
    const list = among(types, types.ownIdsNamed(name));
    if (list.length > 0) return { list, source: btf, none };
  }
  if (modules === undefined) return { list: [], source: btf, none };
  const open = modules();
  return {
    list: open.modules.flatMap((module) => among(module.btf, module.btf.ownIdsNamed(name))),
    source: open.modules,
    none: none + beside(open),
  };
}

function beside({ modules, problem }: ModulesOfTarget): string {
  if (problem !== undefined) return `, and its modules could not be looked at (${problem})`;
  return modules.length === 0 ? '' : `, nor has one of its ${modules.length} modules with types`;
}
