/**
 * BTF for kernels that do not know all of its kinds: what they do not know becomes something of the same length that
 * they do, under the same id. Source: libbpf `src/libbpf.c` (`bpf_object__sanitize_btf`).
 */
import { type Btf, readBtf } from './btf.js';
import { extendBtf } from './extend.js';
import { kindNumbers, typeHeaderSize } from './kinds.js';
import type { BtfKind, BtfType, TypeId } from './types.js';

/** What kernels learnt of BTF after its first release, in the order in which they did. */
export const btfFeatures = [
  'functions',
  'sections',
  'global-functions',
  'floats',
  'declaration-tags',
  'type-tags',
  'enum64',
] as const;

export type BtfFeature = (typeof btfFeatures)[number];

/** What of them the types make use of. */
export function btfFeaturesOf(btf: Btf): Set<BtfFeature> {
  const used = new Set<BtfFeature>();
  for (let id = 1; id < btf.count; id++) {
    const kind = btf.kind(id);
    const feature = featureOf[kind];
    if (feature === undefined) continue;
    if (kind === 'enum') {
      if (isSigned(btf.type(id))) used.add('enum64');
      continue;
    }
    used.add(feature);
    if (kind === 'function' && isGlobal(btf.type(id))) used.add('global-functions');
  }
  return used;
}

const featureOf: Partial<Record<BtfKind, BtfFeature>> = {
  function: 'functions',
  'function-prototype': 'functions',
  variable: 'sections',
  section: 'sections',
  float: 'floats',
  'declaration-tag': 'declaration-tags',
  'type-tag': 'type-tags',
  enum64: 'enum64',
  // Enums say since then whether they are signed.
  enum: 'enum64',
};

function isSigned(type: BtfType): boolean {
  return type.kind === 'enum' && type.signed;
}

function isGlobal(type: BtfType): boolean {
  return type.kind === 'function' && type.linkage === 'global';
}

const variableSize = 12;
const parameterSize = 8;
const valueSize = 12;

/** A copy without what is `absent`; ids, and offsets of strings, stay what they are. */
export function sanitizeBtf(btf: Btf, absent: ReadonlySet<BtfFeature>): Btf {
  // Names and types that stand in for what has none: the kernel asks for a name of each enumerator and member.
  const { bytes, stringOffset: anyName } = extendBtf(btf, 'absent\0', (name) => [
    ...[name, kindNumbers.int << 24, 1, 8],
  ]);
  const byte = btf.count;
  const littleEndian = btf.byteOrder === 'little';
  const view = new DataView(bytes.buffer);
  const copy = readBtf(bytes, btf.where);
  const get = (at: number) => view.getUint32(at, littleEndian);
  const set = (at: number, value: number) => view.setUint32(at, value, littleEndian);
  const become = (at: number, kind: BtfKind, length: number) => set(at + 4, (kindNumbers[kind] << 24) | length);

  /** By kind: how the record at an offset changes. `length` of its entries begin behind the header. */
  const changes: Partial<Record<BtfKind, (at: number, length: number, id: TypeId) => void>> = {
    ...(absent.has('sections') && {
      variable: toByte,
      section(at: number, length: number) {
        become(at, 'struct', length);
        // Names of sections begin with a dot, which no struct's does.
        set(at, 0);
        for (let index = 0; index < length; index++) {
          const entry = at + typeHeaderSize + index * variableSize;
          const [type, offset] = [get(entry), get(entry + 4)];
          set(entry, get(copy.recordOffset(type)) || anyName);
          set(entry + 4, type);
          set(entry + 8, offset * 8);
        }
      },
    }),
    // What a tag on a variable refers to is none any more.
    ...((absent.has('declaration-tags') || absent.has('sections')) && { 'declaration-tag': toByte }),
    ...(absent.has('functions')
      ? {
          'function-prototype'(at: number, length: number) {
            become(at, 'enum', length);
            set(at + 8, 4);
            for (let index = 0; index < length; index++) {
              const entry = at + typeHeaderSize + index * parameterSize;
              if (get(entry) === 0) set(entry, anyName);
            }
          },
          function: (at: number) => become(at, 'typedef', 0),
        }
      : absent.has('global-functions') && { function: (at: number) => become(at, 'function', 0) }),
    ...(absent.has('floats') && {
      float(at: number) {
        become(at, 'struct', 0);
        set(at, 0);
      },
    }),
    ...(absent.has('type-tags') && {
      'type-tag'(at: number) {
        become(at, 'const', 0);
        set(at, 0);
      },
    }),
    ...(absent.has('enum64') && {
      enum: (at: number, length: number) => become(at, 'enum', length),
      enum64(at: number, length: number) {
        become(at, 'union', length);
        for (let index = 0; index < length; index++) {
          const entry = at + typeHeaderSize + index * valueSize;
          set(entry + 4, byte);
          set(entry + 8, 0);
        }
      },
    }),
  };

  /** One byte fits wherever the variable did. */
  function toByte(at: number): void {
    become(at, 'int', 0);
    set(at + 8, 1);
    set(at + typeHeaderSize, 8);
  }

  for (let id = 1; id < btf.count; id++) {
    const at = copy.recordOffset(id);
    changes[btf.kind(id)]?.(at, get(at + 4) & 0xffff, id);
  }
  return readBtf(bytes, btf.where);
}
