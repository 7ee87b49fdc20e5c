/** What xdpkit's chain says of itself: see `object/chain/state.ts`. */
import { XdpkitError } from '../errors/error.js';
import { type MapInfo, type ProgramInfo, readMapInfo } from '../kernel/info.js';
import { openById } from '../kernel/iterate.js';
import { openMap } from '../kernel/map-create.js';
import { chainProgramName, stateMapName } from '../object/chain/link-chain.js';
import { type ChainState, decodeState } from '../object/chain/state.js';

const onlyKey = new Uint8Array(4);

/** Undefined for a program that is no chain, or one of another release of xdpkit. */
export function readChainState(program: Pick<ProgramInfo, 'name' | 'mapIds'>): ChainState | undefined {
  if (program.name !== chainProgramName) return undefined;
  for (const id of program.mapIds) {
    const fd = openById('map', id);
    if (fd === undefined) continue;
    if (!holdsState(readMapInfo(fd.number))) {
      fd.close();
      continue;
    }
    using map = openMap(fd);
    try {
      return decodeState(map.getBytes(onlyKey) ?? new Uint8Array());
    } catch (error) {
      if (error instanceof XdpkitError) return undefined;
      throw error;
    }
  }
  return undefined;
}

function holdsState({ name, type, keySize, maxEntries }: MapInfo): boolean {
  return name === stateMapName && type === 'array' && keySize === 4 && maxEntries === 1;
}
