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

/** Where the records of types lie. */
export interface TypeRecords {
  readonly view: DataView;
  /** By id; entry 0 is unused. */
  readonly offsets: Uint32Array;
  readonly littleEndian: boolean;
  readonly strings: Uint8Array;
}

/** The kinds that C code can name. Functions and variables, half of a kernel's types, are not looked up by name here. */
const indexed = Uint8Array.from({ length: 32 });
for (const kind of ['int', 'float', 'struct', 'union', 'enum', 'enum64', 'forward', 'typedef'] as const) {
  indexed[kindNumbers[kind]] = 1;
}
/** By kind number. */
export function isNamedByC(kind: number): boolean {
  return indexed[kind] === 1;
}

const buckets = 1 << 15;
/** Longer names are damage (the kernel takes 511 bytes). */
const longestName = 1024;
const underscore = 0x5f;
/** Bytes that are hashed; with fewer, the kernel's long prefixes would share buckets. */
const hashedLength = 40;

/**
 * Ids by name, in two arrays: the last id of each bucket, and for each id the one before it in its bucket. Nothing is
 * decoded and nothing allocated for a name, so that a kernel's types are indexed in a millisecond or two.
 */
export class NameIndex {
  readonly #records: TypeRecords;
  readonly #last = new Uint32Array(buckets);
  readonly #before: Uint32Array;

  constructor(records: TypeRecords) {
    this.#records = records;
    const { view, offsets, littleEndian, strings } = records;
    this.#before = new Uint32Array(offsets.length);
    // Not backwards: a kernel's types end with tens of thousands that are skipped, and V8 would compile only the skipping.
    for (let id = 1; id < offsets.length; id++) {
      const record = offsets[id] as number;
      if (indexed[(view.getUint32(record + 4, littleEndian) >>> 24) & 0x1f] === 0) continue;
      const name = view.getUint32(record, littleEndian);
      if (name === 0) continue;
      const bucket = bucketOf(strings, name);
      this.#before[id] = this.#last[bucket] as number;
      this.#last[bucket] = id;
    }
  }

  /** The ids of types with this essential name, in order, whatever their kinds. */
  find(name: string): TypeId[] {
    const { view, offsets, littleEndian, strings } = this.#records;
    const wanted = new TextEncoder().encode(essentialName(name));
    const found: TypeId[] = [];
    for (let id = this.#last[bucketOf(wanted, 0)] as number; id !== 0; id = this.#before[id] as number) {
      const start = view.getUint32(offsets[id] as number, littleEndian);
      let same = 0;
      while (same < wanted.length && strings[start + same] === wanted[same]) same++;
      if (same === wanted.length && essentialLength(strings, start) === same) found.push(id);
    }
    return found.reverse();
  }
}

/** FNV-1a of the bytes before the first `___`: all names with one essential name have these in common. */
function bucketOf(strings: Uint8Array, offset: number): number {
  let hash = 0x811c9dc5;
  const limit = Math.min(strings.length, offset + hashedLength);
  for (let at = offset; at < limit; at++) {
    const byte = strings[at] as number;
    if (byte === 0) break;
    if (byte === underscore && at > offset && areUnderscores(strings[at + 1], strings[at + 2])) break;
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return (hash ^ (hash >>> 15)) & (buckets - 1);
}

/** Without a branch, which V8 would compile before the second half of it was ever taken, and then again. */
function areUnderscores(first = 0, second = 0): boolean {
  return ((first ^ underscore) | (second ^ underscore)) === 0;
}

function essentialLength(strings: Uint8Array, start: number): number {
  const bytes = strings.subarray(start, start + longestName);
  const end = bytes.indexOf(0);
  return essentialName(String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end))).length;
}
