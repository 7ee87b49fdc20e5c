/** Externs of several objects: what two of them ask of the kernel by one name is one question. */
import type { TypeId } from '../../btf/types.js';
import type { ExternSpec, FunctionSpec } from '../spec.js';

export interface PartExterns {
  readonly externs: readonly ExternSpec[];
  /** Those of the object that came along. */
  readonly functions: readonly FunctionSpec[];
  /** New names by the object's own, of the maps that came along. */
  readonly maps: ReadonlyMap<string, string>;
  readonly type: (id: TypeId) => TypeId;
}

/** Those that the functions and maps refer to. A strong declaration counts before a weak one. */
export function uniteExterns(parts: readonly PartExterns[]): ExternSpec[] {
  const settings: ExternSpec[] = [];
  const asked = new Map<string, ExternSpec>();
  for (const { externs, functions, maps, type } of parts) {
    const used = new Set(
      functions.flatMap(({ references }) => references.flatMap((one) => (one.kind === 'extern' ? [one.name] : []))),
    );
    for (const found of externs) {
      if (found.kind === 'setting') {
        const map = maps.get(found.map);
        if (map !== undefined) settings.push({ ...found, map, type: type(found.type) });
      } else if (used.has(found.name)) {
        const before = asked.get(found.name);
        if (before && !(before.weak && !found.weak)) continue;
        asked.set(found.name, 'type' in found ? { ...found, type: type(found.type) } : found);
      }
    }
  }
  return [...settings, ...asked.values()];
}
