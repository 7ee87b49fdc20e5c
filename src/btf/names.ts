/**
 * Types by name without their flavour: what follows a last `___` only tells several versions of a type apart, so that
 * `task_struct___old` is a `task_struct`. Source: libbpf `src/relo_core.c`, `src/libbpf_internal.h`.
 */
import { kindNumbers } from './kinds.js';
import type { TypeId } from './types.js';

/** A name without its flavour. */
export function essentialName(name: string): string {
  return /^(.*[^_])___[^_]/s.exec(name)?.[1] ?? name;
}

/** Where the index finds the parts of each type's record. */
export interface NamedTypes {
  /** Types, `void` included. */
  readonly count: number;
  kindNumber(id: TypeId): number;
  nameOffset(id: TypeId): number;
  readonly strings: Uint8Array;
}

/** The kinds that C code can name. Functions and variables, half of a kernel's types, are not looked up by name here. */
const indexed: ReadonlySet<number> = new Set(
  (['int', 'float', 'struct', 'union', 'enum', 'enum64', 'forward', 'typedef'] as const).map(
    (kind) => kindNumbers[kind],
  ),
);
const buckets = 1 << 14;
const underscore = 0x5f;
/** Longer names are damage (the kernel takes 511 bytes). */
const longestName = 1024;

/**
 * Ids by essential name, in two arrays: the first id of each bucket, and for each id the next one in its bucket. No
 * name is decoded, so that a kernel's types are indexed in a millisecond or two.
 */
export class NameIndex {
  readonly #types: NamedTypes;
  readonly #first = new Uint32Array(buckets);
  readonly #next: Uint32Array;

  constructor(types: NamedTypes) {
    this.#types = types;
    this.#next = new Uint32Array(types.count);
    // Backwards, so that each bucket lists its ids in order.
    for (let id = types.count - 1; id > 0; id--) {
      if (!indexed.has(types.kindNumber(id))) continue;
      const offset = types.nameOffset(id);
      if (offset === 0) continue;
      const bucket = essential(types.strings, offset).hash % buckets;
      this.#next[id] = this.#first[bucket] as number;
      this.#first[bucket] = id;
    }
  }

  /** The ids of types with this essential name, in order, whatever their kinds. */
  find(name: string): TypeId[] {
    const wanted = new TextEncoder().encode(`${essentialName(name)}\0`);
    const { hash, length } = essential(wanted, 0);
    const { strings } = this.#types;
    const found: TypeId[] = [];
    for (let id = this.#first[hash % buckets] as number; id !== 0; id = this.#next[id] as number) {
      const offset = this.#types.nameOffset(id);
      if (essential(strings, offset).length !== length) continue;
      let same = 0;
      while (same < length && strings[offset + same] === wanted[same]) same++;
      if (same === length) found.push(id);
    }
    return found;
  }
}

/** Length and hash (FNV-1a) of the essential part of the name at `offset`. */
function essential(strings: Uint8Array, offset: number): { length: number; hash: number } {
  let hash = 0x811c9dc5;
  let [length, lengthHash] = [0, 0];
  let [run, hashBeforeRun] = [0, hash];
  const limit = Math.min(strings.length, offset + longestName);
  let at = offset;
  for (; at < limit; at++) {
    const byte = strings[at] as number;
    if (byte === 0) break;
    if (byte === underscore) {
      if (run === 0) hashBeforeRun = hash;
      run++;
    } else {
      if (run === 3 && at - 3 > offset) [length, lengthHash] = [at - 3 - offset, hashBeforeRun];
      run = 0;
    }
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return length > 0 ? { length, hash: lengthHash >>> 0 } : { length: at - offset, hash: hash >>> 0 };
}
