import type { Btf } from '../../btf/btf.js';
import { essentialName } from '../../btf/names.js';
import type { TypeId } from '../../btf/types.js';
import { nearNames } from '../near-names.js';
import type { MissingType } from './relocate.js';

/**
 * Types that may be meant where none has the wanted name and kind, as C names them: of the same name and another kind,
 * then of the same kind and a name like it. It reads every name of that kind.
 */
export function nearTypes(target: Btf, { kind, name }: MissingType): string[] {
  const wanted = essentialName(name);
  const byName = new Map<string, TypeId>();
  for (const each of kind === 'enum' || kind === 'enum64' ? (['enum', 'enum64'] as const) : [kind]) {
    for (const id of target.idsOf(each)) byName.set(target.plainName(id), id);
  }
  const alike = nearNames(wanted, byName.keys()).map((near) => byName.get(near) ?? 0);
  const others = target.idsNamed(wanted).filter((id) => target.kind(id) !== 'forward');
  return [...new Set([...others, ...alike].map((id) => target.nameOf(id)))];
}
