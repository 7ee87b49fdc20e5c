/**
 * Listing a map key by key while others change it. The kernel gives the key after a given one, and where that one is
 * gone it begins anew with the first: what stays must all the same be shown, and once.
 */

import type { MapBatch } from './map-batch.js';
import { isArray } from './map-codecs.js';
import { followsInTrie } from './prefix-order.js';

export interface WalkedMap {
  readonly type: string;
  /** The first key for undefined; undefined behind the last. */
  keyAfter(key: Uint8Array | undefined): Uint8Array | undefined;
  /** Undefined where there is none. */
  valueAt(key: Uint8Array): Uint8Array | undefined;
}

/** An entry a batch. The reader may delete what it is shown. */
export function walk(map: WalkedMap): Generator<MapBatch> {
  if (isArray(map.type)) return walkArray(map);
  return map.type === 'lpm_trie' ? walkTrie(map) : walkHash(map);
}

/** Keys of arrays never go away; entries without a value are passed over. */
function* walkArray(map: WalkedMap): Generator<MapBatch> {
  for (let key = map.keyAfter(undefined); key !== undefined; key = map.keyAfter(key)) {
    const values = map.valueAt(key);
    if (values !== undefined) yield { count: 1, keys: key, values };
  }
}

/** A trie is listed in a fixed order: a key that does not follow the last one comes from a new beginning. */
function* walkTrie(map: WalkedMap): Generator<MapBatch> {
  let last: Uint8Array | undefined;
  let key = map.keyAfter(undefined);
  while (key !== undefined) {
    // Asked for before the key is shown: the reader may delete it.
    const next = map.keyAfter(key);
    if (last === undefined || followsInTrie(key, last)) {
      const values = map.valueAt(key);
      last = key;
      if (values !== undefined) yield { count: 1, keys: key, values };
    }
    key = next;
  }
}

function* walkHash(map: WalkedMap): Generator<MapBatch> {
  const shown: Uint8Array[] = [];
  /** The kernel may have begun anew without a sign: a key that is gone when it is asked for the next may be back soon. */
  const known = new Set<string>();
  /** The key behind the last of those shown that is still there: what lay between has been shown, or is gone. */
  const resume = (): Uint8Array | undefined => {
    for (let index = shown.length - 1; index >= 0; index -= 1) {
      const key = shown[index] as Uint8Array;
      const next = map.keyAfter(key);
      // Still there after it was asked for what follows it: then that was no new beginning.
      if (map.valueAt(key) !== undefined) return next;
    }
    return map.keyAfter(undefined);
  };
  let key = map.keyAfter(undefined);
  while (key !== undefined) {
    const next = map.keyAfter(key);
    const values = map.valueAt(key);
    if (values === undefined) {
      key = resume();
      continue;
    }
    const text = textOf(key);
    if (!known.has(text)) {
      shown.push(key);
      known.add(text);
      yield { count: 1, keys: key, values };
    }
    key = next;
  }
}

function textOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}
