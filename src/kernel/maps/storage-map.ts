/** Values that live with a socket (since Linux 5.2), inode (5.10), task (5.11) or control group (6.2), and go with it. */
import type { BtfValue } from '../../btf/codec.js';
import type { BpfMap, UpdateMode } from '../map.js';
import { isStorage } from '../map-codecs.js';
import { type Owner, withOwner } from './owner.js';
import { requireType } from './raw-values.js';

/**
 * A map of type `sk_storage`, `inode_storage`, `task_storage` or `cgrp_storage`, keyed by owner, as in `{ pid: 1 }` for a
 * task: a view, which is good as long as the map is open. The kernel cannot list owners. Throws USAGE for other maps.
 */
export class StorageMap<Value = BtfValue> {
  readonly #map: BpfMap<number, Value>;

  constructor(map: BpfMap<number, Value>) {
    const { type } = map.definition;
    requireType(map.definition, isStorage(type) ? [type] : [], 'only storage is kept with an owner');
    this.#map = map;
  }

  /** Undefined where the owner has no value. */
  get(owner: Owner): Value | undefined {
    return withOwner(owner, (fd) => this.#map.get(fd));
  }

  set(owner: Owner, value: Value, mode?: UpdateMode): void {
    withOwner(owner, (fd) => this.#map.set(fd, value, mode));
  }

  delete(owner: Owner): boolean {
    return withOwner(owner, (fd) => this.#map.delete(fd));
  }
}
