import type { BtfValue } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';
import { kernelName } from './bpf.js';
import { type ListedMap, listMaps } from './list-maps.js';
import type { BpfMap } from './map.js';
import { openMap, openMapById } from './map-create.js';
import { openPinned } from './pin.js';

/**
 * Opens the map that a person means: an id (`17`), the path of a pin (with a slash in it), or a name, in full or as the
 * kernel cut it. The caller states what its BTF makes of keys and values, as for `object.map`. Errors: `MAP_NOT_FOUND`,
 * `MAP_AMBIGUOUS` for a name that several maps have.
 */
export function findMap<Key = BtfValue, Value = BtfValue>(reference: string): BpfMap<Key, Value> {
  return open(reference) as unknown as BpfMap<Key, Value>;
}

function open(reference: string): BpfMap {
  if (/^\d+$/.test(reference)) {
    return openMapById(Number(reference)) ?? refuse(`there is no map with id ${reference}`);
  }
  if (reference.includes('/')) {
    const fd = openPinned(reference, 'map', 'map');
    return fd ? openMap(fd) : refuse(`there is no map pinned at ${reference}`);
  }
  const [found, ...others] = mapsNamed(reference);
  if (found === undefined) return refuse(`there is no map named "${reference}"`);
  if (others.length > 0) {
    const all = [found, ...others].map(({ id, type }) => `${id} (${type})`).join(', ');
    throw new XdpkitError('MAP_AMBIGUOUS', `several maps are named "${reference}": ${all}`, {
      hint: 'Give the id of one of them, or where it is pinned.',
    });
  }
  return openMapById(found.id) ?? refuse(`map ${found.id}, "${reference}", is gone`);
}

function mapsNamed(name: string): ListedMap[] {
  const cut = kernelName(name);
  // A map whose full name is not known is taken for the one that is meant, as its cut name fits.
  const fits = ({ name: held, fullName }: ListedMap): boolean =>
    held === name || fullName === name || (held === cut && fullName === held);
  return [...listMaps()].filter(fits);
}

function refuse(message: string): never {
  throw new XdpkitError('MAP_NOT_FOUND', message, { hint: '`xdpkit map ls` lists those that there are.' });
}
