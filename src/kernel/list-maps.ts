/** The maps that the kernel has. */
import type { Btf } from '../btf/btf.js';
import { readMapMemory } from './fd-info.js';
import { type MapInfo, readMapInfo } from './info.js';
import { listIds, openById } from './iterate.js';
import { readKernelBtf } from './kernel-btf.js';

export interface ListedMap extends MapInfo {
  /** The name in the source, where the map's BTF tells it; else as the kernel cut it, at 15 bytes. */
  readonly fullName: string;
  readonly memoryBytes: number | undefined;
  readonly frozen: boolean | undefined;
}

/** All maps by ascending id; those that come or go meanwhile may be missed. Needs CAP_SYS_ADMIN. */
export function* listMaps(): Generator<ListedMap> {
  const names = new FullNames();
  for (const id of listIds('map')) {
    using fd = openById('map', id);
    if (fd !== undefined) yield describeMap(fd.number, names);
  }
}

export function describeMap(fd: number, names = new FullNames()): ListedMap {
  const info = readMapInfo(fd);
  return { ...info, fullName: names.of(info), ...readMapMemory(fd) };
}

const longestName = 15;

/** Reads each BTF once. */
export class FullNames {
  readonly #declared = new Map<number, readonly string[]>();

  of({ name, btfId }: MapInfo): string {
    if (name.length < longestName || btfId === 0) return name;
    const declared = this.#declared.get(btfId) ?? declaredMaps(readKernelBtf(btfId));
    this.#declared.set(btfId, declared);
    const [full, ...others] = declared.filter((each) => each.startsWith(name));
    return full === undefined || others.length > 0 ? name : full;
  }
}

/** Names of the variables in section `.maps`, which loaders leave in the BTF of an object. */
function declaredMaps(btf: Btf | undefined): string[] {
  const id = btf?.find('section', '.maps');
  const section = id === undefined ? undefined : btf?.type(id);
  if (section?.kind !== 'section') return [];
  return section.variables.map(({ type }) => btf?.type(type).name ?? '');
}
