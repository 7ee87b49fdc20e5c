import type { BtfValue, Codec } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';
import type { FileDescriptor } from '../linux/file-descriptor.js';
import { errnos } from '../linux/syscall-error.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError, mustBpf } from './bpf.js';
import { readMapMemory } from './fd-info.js';
import { type MapInfo, readMapInfo } from './info.js';
import { deleteBatch, type MapBatch, readBatches, updateBatch } from './map-batch.js';
import { isArray } from './map-codecs.js';
import { walk } from './map-walk.js';
import { pinObject } from './pin.js';
import { inTrieOrder } from './prefix-order.js';

/** ENOTSUPP, the kernel's own, which some map types answer. */
const notSupported = 524;

/** What a map is: as in `MapSpec`, or as the kernel tells it of a map that was opened by id or pin. */
export interface MapDefinition {
  readonly name: string;
  /** Kernel name of the type, `percpu_array`. */
  readonly type: string;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes of one CPU's value. */
  readonly valueSize: number;
  readonly maxEntries: number;
}

/** `any` creates or overwrites, `create` refuses a key that is there, `update` one that is not. */
export type UpdateMode = 'any' | 'create' | 'update';

const updateFlags = { any: 0n, create: 1n, update: 2n } as const satisfies Record<UpdateMode, bigint>;

/**
 * A map in the kernel. Keys and values are JavaScript values in the shape that BTF gives them (see `Codec`); per-CPU
 * maps have `PerCpu` values. Every call is one system call unless it says otherwise.
 */
export class BpfMap<Key = BtfValue, Value = BtfValue> implements Iterable<[Key, Value]> {
  readonly definition: MapDefinition;
  readonly keyCodec: Codec<Key>;
  readonly valueCodec: Codec<Value>;
  readonly #fd: FileDescriptor;
  readonly #key: DataView;
  readonly #value: DataView;
  readonly #keyBytes: Uint8Array;
  readonly #valueBytes: Uint8Array;
  readonly #nextKey: Uint8Array;
  // map_fd 0, key 8, value or next_key 16, flags 24. Filled once; a call of its own sets only what changes.
  readonly #element: Attribute;
  readonly #update: Attribute;
  /** Without a value, which deleting refuses. */
  readonly #keyOnly: Attribute;
  readonly #first: Attribute;
  readonly #next: Attribute;

  constructor(fd: FileDescriptor, definition: MapDefinition, key: Codec<Key>, value: Codec<Value>) {
    this.#fd = fd;
    this.definition = definition;
    this.keyCodec = key;
    this.valueCodec = value;
    this.#key = new DataView(new ArrayBuffer(Math.max(1, definition.keySize)));
    this.#value = new DataView(new ArrayBuffer(Math.max(1, value.size)));
    this.#keyBytes = new Uint8Array(this.#key.buffer);
    this.#valueBytes = new Uint8Array(this.#value.buffer);
    this.#nextKey = new Uint8Array(new ArrayBuffer(Math.max(1, definition.keySize)));
    const element = () => new Attribute(32).u32(0, fd.number).pointer(8, this.#keyBytes).pointer(16, this.#valueBytes);
    this.#element = element();
    this.#update = element();
    this.#keyOnly = new Attribute(16).u32(0, fd.number).pointer(8, this.#keyBytes);
    this.#first = new Attribute(32).u32(0, fd.number).pointer(16, this.#nextKey);
    this.#next = new Attribute(32).u32(0, fd.number).pointer(8, this.#keyBytes).pointer(16, this.#nextKey);
  }

  get name(): string {
    return this.definition.name;
  }

  get fd(): number {
    return this.#fd.number;
  }

  /** The value at `key`, or undefined where the map has none. */
  get(key: Key): Value | undefined {
    this.#use(key);
    const result = bpf(commands.map_lookup_elem, this.#element);
    if (result >= 0) return this.valueCodec.decode(this.#value, 0);
    if (-result === errnos.ENOENT) return undefined;
    throw this.#readError(-result);
  }

  /** Errors: `KEY_SHAPE`, `VALUE_SHAPE`, `MAP_FULL`, `KEY_EXISTS` (mode `create`), `KEY_NOT_FOUND` (mode `update`). */
  set(key: Key, value: Value, mode: UpdateMode = 'any'): void {
    this.#use(key);
    this.valueCodec.encode(this.#value, 0, value);
    const result = bpf(commands.map_update_elem, this.#update.u64(24, updateFlags[mode]));
    if (result < 0) throw this.#updateError(-result);
  }

  /** The raw value at a raw key, in the host's byte order, as `batches` gives it. */
  getBytes(key: Uint8Array): Uint8Array | undefined {
    this.#useBytes(key);
    const result = bpf(commands.map_lookup_elem, this.#element);
    if (result >= 0) return this.#valueBytes.slice(0, this.valueCodec.size);
    if (-result === errnos.ENOENT) return undefined;
    throw this.#readError(-result);
  }

  setBytes(key: Uint8Array, value: Uint8Array, mode: UpdateMode = 'any'): void {
    this.#useBytes(key);
    const { size } = this.valueCodec;
    if (value.length !== size) {
      throw new XdpkitError('VALUE_SHAPE', `value of ${this.#what}: ${size} bytes are expected, not ${value.length}`);
    }
    this.#valueBytes.set(value);
    const result = bpf(commands.map_update_elem, this.#update.u64(24, updateFlags[mode]));
    if (result < 0) throw this.#updateError(-result);
  }

  /** Removes `key`; false where the map did not have it. Arrays have nothing to remove and refuse. */
  delete(key: Key): boolean {
    this.#use(key);
    return this.#delete();
  }

  /**
   * All entries, by batches where the kernel has them (since Linux 5.6; per-CPU arrays 5.13), else key by key. Those that
   * stay are seen once, whatever others add or remove meanwhile; what is added or removed may be seen or not. Entries may
   * be deleted while they are listed.
   */
  *entries(): Generator<[Key, Value]> {
    for (const batch of this.batches()) {
      const entryAt = this.#entriesOf(batch);
      for (let index = 0; index < batch.count; index += 1) yield entryAt(index);
    }
  }

  [Symbol.iterator](): Generator<[Key, Value]> {
    return this.entries();
  }

  *keys(): Generator<Key> {
    for (const [key] of this) yield key;
  }

  *values(): Generator<Value> {
    for (const [, value] of this) yield value;
  }

  /**
   * All entries as raw bytes, `count` keys and values side by side in the host's byte order; per-CPU values are one
   * padded value for each possible CPU. The views are reused by the next batch.
   */
  *batches(entries?: number): Generator<MapBatch> {
    const { type } = this.definition;
    const read = (): Generator<MapBatch, boolean> => readBatches(this, this.#layout, entries);
    // Hashes hand out whole buckets. Batches of other kinds begin anew where the key that they stopped at is gone.
    const batches = type === 'lpm_trie' ? inTrieOrder(read(), this.keyCodec.size) : read();
    if (type === 'hash_of_maps' || !(yield* batches)) yield* this.#oneByOne();
  }

  /**
   * Takes all entries out and gives them. What a program writes to an entry after it was taken makes a new one: nothing
   * is counted twice or lost, where the kernel has the calls for it (hashes and their LRU and per-CPU forms: batches since
   * Linux 5.6, single entries 5.14); in other maps a write between reading and deleting is lost.
   */
  drain(): [Key, Value][] {
    const taken: [Key, Value][] = [];
    const keep = (batch: MapBatch): void => {
      const entryAt = this.#entriesOf(batch);
      for (let index = 0; index < batch.count; index += 1) taken.push(entryAt(index));
    };
    const batches = readBatches(this, this.#layout, undefined, 'map_lookup_and_delete_batch');
    for (let step = batches.next(); ; step = batches.next()) {
      if (!step.done) keep(step.value);
      else if (step.value) return taken;
      else break;
    }
    for (const { keys } of this.#oneByOne()) {
      const values = this.#take(keys);
      if (values !== undefined) keep({ count: 1, keys, values });
    }
    return taken;
  }

  /** Writes `count` entries given as raw bytes in one call where the kernel has batches, else one by one. */
  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void {
    const { size: keySize } = this.keyCodec;
    const { size: valueSize } = this.valueCodec;
    if (keys.length !== keySize * count || values.length !== valueSize * count) {
      throw new XdpkitError(
        keys.length !== keySize * count ? 'KEY_SHAPE' : 'VALUE_SHAPE',
        `${this.#what}: ${count} entries are ${keySize * count} bytes of keys and ${valueSize * count} of values, ` +
          `not ${keys.length} and ${values.length}`,
      );
    }
    const result = updateBatch(this, keys, values, count);
    if (result === 'unsupported') this.#updateOneByOne(keys, values, count);
    else if (result !== 0) throw this.#updateError(result);
  }

  /** Deletes `count` entries by their raw keys, in one call where the kernel has batches. Gives how many were there. */
  deleteBatch(keys: Uint8Array, count: number): number {
    const { size } = this.keyCodec;
    if (keys.length !== size * count) {
      throw new XdpkitError('KEY_SHAPE', `${this.#what}: ${count} keys are ${size * count} bytes, not ${keys.length}`);
    }
    const deleted = deleteBatch(this, size, keys, count);
    if (deleted !== undefined) return deleted;
    let found = 0;
    for (let at = 0; at < keys.length; at += size) {
      this.#useBytes(keys.subarray(at, at + size));
      if (this.#delete()) found += 1;
    }
    return found;
  }

  /** Asks the kernel anew. */
  info(): MapInfo {
    return readMapInfo(this.fd);
  }

  /** Pins the map at `path` on a BPF file system: it then outlives the process. Errors: `PIN_EXISTS`. */
  pin(path: string): void {
    pinObject(this.fd, path, this.#what);
  }

  /** Refuses all further writes from user space, for good. Since Linux 5.2. */
  freeze(): void {
    mustBpf('map_freeze', new Attribute(8).u32(0, this.fd), `freeze ${this.#what}`);
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }

  get #what(): string {
    return `map "${this.name}"`;
  }

  /** Puts the key into its place for the next call; a map that was closed is refused here. */
  #use(key: Key): void {
    void this.#fd.number;
    this.keyCodec.encode(this.#key, 0, key);
  }

  #useBytes(key: Uint8Array): void {
    void this.#fd.number;
    if (key.length !== this.keyCodec.size) {
      throw new XdpkitError(
        'KEY_SHAPE',
        `key of ${this.#what}: ${this.keyCodec.size} bytes are expected, not ${key.length}`,
      );
    }
    this.#keyBytes.set(key);
  }

  #readError(number: number): XdpkitError {
    const { type, valueSize } = this.definition;
    const tried = `read from ${this.#what}`;
    if (number === errnos.EOPNOTSUPP || number === notSupported) {
      return bpfError(tried, number, { said: `user space cannot read values of a ${type}` });
    }
    if (number === errnos.ENOSPC && type.startsWith('sock')) {
      const said = `sockets are read as cookies of 8 bytes, and its values have ${valueSize}`;
      return bpfError(tried, number, { said });
    }
    return bpfError(tried, number);
  }

  #updateError(number: number): XdpkitError {
    const { name, type, maxEntries } = this.definition;
    const tried = `write to ${this.#what}`;
    if (number === errnos.EEXIST)
      return bpfError(tried, number, { code: 'KEY_EXISTS', said: 'the key exists already' });
    if (number === errnos.ENOENT)
      return bpfError(tried, number, { code: 'KEY_NOT_FOUND', said: 'there is no such key' });
    if (number === errnos.E2BIG && isArray(type)) {
      const said = `an index is out of range; it has ${maxEntries} entries`;
      return bpfError(tried, number, { code: 'KEY_SHAPE', said });
    }
    if (number === errnos.E2BIG || number === errnos.ENOSPC || number === errnos.ENOMEM) {
      return new XdpkitError('MAP_FULL', `${tried}: it is full (${type} of ${maxEntries} entries)`, {
        hint: `Delete entries, or define "${name}" with more max_entries.`,
        cause: bpfError(tried, number),
      });
    }
    if (number === errnos.EPERM && readMapMemory(this.fd).frozen) {
      return bpfError(tried, number, { code: 'READ_ONLY', said: 'the map is frozen: its contents are constants' });
    }
    return bpfError(tried, number);
  }

  #delete(): boolean {
    const result = bpf(commands.map_delete_elem, this.#keyOnly);
    if (result >= 0) return true;
    if (-result === errnos.ENOENT) return false;
    const hint = this.definition.type.endsWith('array')
      ? 'Entries of an array always exist; set it to zero.'
      : undefined;
    throw bpfError(`delete from ${this.#what}`, -result, { hint });
  }

  /** Takes an entry out; undefined where it is gone already. */
  #take(key: Uint8Array): Uint8Array | undefined {
    this.#useBytes(key);
    const result = bpf(commands.map_lookup_and_delete_elem, this.#element);
    if (result >= 0) return this.#valueBytes.slice(0, this.valueCodec.size);
    if (-result === errnos.ENOENT) return undefined;
    const value = this.getBytes(key);
    return value !== undefined && this.#delete() ? value : undefined;
  }

  get #layout() {
    return {
      keySize: this.keyCodec.size,
      valueSize: this.valueCodec.size,
      maxEntries: this.definition.maxEntries,
    };
  }

  #entriesOf({ keys: keyBytes, values: valueBytes }: MapBatch): (index: number) => [Key, Value] {
    const { size: keySize } = this.keyCodec;
    const { size: valueSize } = this.valueCodec;
    const keys = new DataView(keyBytes.buffer, keyBytes.byteOffset, keyBytes.byteLength);
    const values = new DataView(valueBytes.buffer, valueBytes.byteOffset, valueBytes.byteLength);
    return (index) => [this.keyCodec.decode(keys, index * keySize), this.valueCodec.decode(values, index * valueSize)];
  }

  #oneByOne(): Generator<MapBatch> {
    return walk({
      type: this.definition.type,
      keyAfter: (key) => this.#keyAfter(key),
      valueAt: (key) => this.getBytes(key),
    });
  }

  #keyAfter(key: Uint8Array | undefined): Uint8Array | undefined {
    void this.#fd.number;
    if (key !== undefined) this.#keyBytes.set(key);
    const result = bpf(commands.map_get_next_key, key === undefined ? this.#first : this.#next);
    if (-result === errnos.ENOENT) return undefined;
    if (result < 0) {
      // Queues, rings and filters.
      const said = this.definition.keySize === 0 ? `a ${this.definition.type} has no keys` : undefined;
      const queued = this.definition.type === 'queue' || this.definition.type === 'stack';
      const hint = queued ? '`xdpkit map pop` takes the next value, with --peek it stays.' : undefined;
      throw bpfError(`list keys of ${this.#what}`, -result, { said, hint });
    }
    return this.#nextKey.slice();
  }

  #updateOneByOne(keys: Uint8Array, values: Uint8Array, count: number): void {
    const { size: keySize } = this.keyCodec;
    const { size: valueSize } = this.valueCodec;
    for (let index = 0; index < count; index += 1) {
      const key = keys.subarray(index * keySize, (index + 1) * keySize);
      this.setBytes(key, values.subarray(index * valueSize, (index + 1) * valueSize));
    }
  }
}
