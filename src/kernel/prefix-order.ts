/**
 * The order in which the kernel lists an LPM trie: a prefix behind all longer ones that it covers, else by the first bit
 * that differs. Source: Linux `kernel/bpf/lpm_trie.c` (`trie_get_next_key`).
 */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import type { MapBatch } from './map-batch.js';

const dataOffset = 4;

/** Whether a raw key stands behind another one. Bits behind a prefix do not count. */
export function followsInTrie(key: Uint8Array, before: Uint8Array): boolean {
  const [length, beforeLength] = [prefixLength(key), prefixLength(before)];
  const shorter = Math.min(length, beforeLength);
  for (let at = 0; at * 8 < shorter; at += 1) {
    const mask = shorter - at * 8 >= 8 ? 0xff : 0xff & (0xff00 >>> (shorter - at * 8));
    const byte = (key[dataOffset + at] ?? 0) & mask;
    const beforeByte = (before[dataOffset + at] ?? 0) & mask;
    if (byte !== beforeByte) return byte > beforeByte;
  }
  return length < beforeLength;
}

function prefixLength(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(0, hostIsLittleEndian);
}

/** Batches of a trie without what a new beginning repeats. */
export function* inTrieOrder(batches: Generator<MapBatch, boolean>, keySize: number): Generator<MapBatch, boolean> {
  let last: Uint8Array | undefined;
  while (true) {
    const { value: batch, done } = batches.next();
    if (done) return batch;
    const kept: number[] = [];
    for (let index = 0; index < batch.count; index += 1) {
      const key = batch.keys.subarray(index * keySize, (index + 1) * keySize);
      if (last !== undefined && !followsInTrie(key, last)) continue;
      last = key;
      kept.push(index);
    }
    // The views are the next batch's too.
    last = last?.slice();
    if (kept.length > 0) yield kept.length === batch.count ? batch : pick(batch, kept);
  }
}

function pick(batch: MapBatch, kept: readonly number[]): MapBatch {
  const only = (bytes: Uint8Array): Uint8Array => {
    const size = bytes.length / batch.count;
    const picked = new Uint8Array(kept.length * size);
    kept.forEach((index, at) => {
      picked.set(bytes.subarray(index * size, (index + 1) * size), at * size);
    });
    return picked;
  };
  return { count: kept.length, keys: only(batch.keys), values: only(batch.values) };
}
