/** Global variables of an object, as properties of one object. */
import type { Btf } from '../btf/btf.js';
import { type BtfValue, type Codec, compileCodec, plainCodec } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';
import type { GlobalSpec } from '../object/spec.js';

export type Globals = { [name: string]: BtfValue };

/** Where the variables of one data section live: in the spec before the load, in the kernel's map after it. */
export interface GlobalMemory {
  /** Asked for at every access; may refuse. */
  view(): DataView;
  /** After a write. */
  commit(): void;
  /** Why it can't be written; undefined where it can. */
  readonly readOnly: string | undefined;
}

/**
 * Reading and assigning a property reads and writes the variable, in the shape that BTF gives it. Errors:
 * `GLOBAL_NOT_FOUND` for a name that the object lacks, `READ_ONLY`, `VALUE_SHAPE`.
 */
export function globalsOf(
  specs: readonly GlobalSpec[],
  btf: Btf | undefined,
  byteOrder: 'little' | 'big',
  memoryOf: (map: string) => GlobalMemory,
): Globals {
  const variables = new Map(specs.map((spec) => [spec.name, spec]));
  const codecs = new Map<string, Codec>();
  const find = (name: string): GlobalSpec => {
    const spec = variables.get(name);
    if (spec) return spec;
    const known = [...variables.keys()].join(', ');
    throw new XdpkitError('GLOBAL_NOT_FOUND', `there is no global variable "${name}"`, {
      hint: known ? `The object has ${known}.` : 'The object has no global variables.',
    });
  };
  const codecOf = (spec: GlobalSpec): Codec => {
    const known = codecs.get(spec.name);
    if (known) return known;
    const subject = { name: `global variable "${spec.name}"`, code: 'VALUE_SHAPE' as const };
    const typed = btf && spec.type !== undefined ? compileCodec(btf, spec.type, subject) : undefined;
    const codec = typed?.size === spec.size ? typed : plainCodec(spec.size, byteOrder === 'little', subject);
    codecs.set(spec.name, codec);
    return codec;
  };
  return new Proxy<Globals>(Object.create(null) as Globals, {
    has: (_, name) => typeof name === 'string' && variables.has(name),
    ownKeys: () => [...variables.keys()],
    get(_, name) {
      if (typeof name !== 'string') return undefined;
      const spec = find(name);
      return codecOf(spec).decode(memoryOf(spec.map).view(), spec.offset);
    },
    set(_, name, value) {
      if (typeof name !== 'string') return false;
      const spec = find(name);
      const memory = memoryOf(spec.map);
      if (memory.readOnly) throw new XdpkitError('READ_ONLY', `global variable "${name}": ${memory.readOnly}`);
      const { size } = spec;
      const scratch = new Uint8Array(new ArrayBuffer(size));
      // Running programs see the memory: it must not hold half of a value, nor one that is refused in the middle.
      codecOf(spec).encode(new DataView(scratch.buffer), 0, value);
      const view = memory.view();
      new Uint8Array(view.buffer, view.byteOffset + spec.offset, size).set(scratch);
      memory.commit();
      return true;
    },
    getOwnPropertyDescriptor(_, name) {
      if (typeof name !== 'string' || !variables.has(name)) return undefined;
      const spec = find(name);
      const value = codecOf(spec).decode(memoryOf(spec.map).view(), spec.offset);
      return { value, enumerable: true, configurable: true, writable: true };
    },
  });
}
