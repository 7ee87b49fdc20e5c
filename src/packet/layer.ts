/** A layer of a packet as data: which fields it has, and what may stand inside it. */
import { type Field, type FieldValue, type FieldValues, readBits, writeBits } from './field.js';

/** A word that stands for bytes at the end of the header: an option. */
export interface OptionWord {
  readonly name: string;
  /** Whether a value follows, and which: `N`, `N:N`. */
  readonly takes: string | undefined;
  readonly encode: (value: string) => Uint8Array;
}

export interface LayerDefinition {
  readonly name: string;
  readonly fields: readonly Field[];
  /** Layers that it can stand in; the first is put in where another, or none, is before it. `start`: none. */
  readonly within: readonly string[];
  /** False where the bytes are of something else after all. */
  readonly accepts?: (values: FieldValues) => boolean;
  /** The layer inside, by the values of this one and the bytes behind it. */
  readonly next?: (values: FieldValues, payload: Uint8Array) => string | undefined;
  /** Bytes of this layer and what is inside it, as its own length field tells. */
  readonly length?: (values: FieldValues) => number;
  /** Other words for bits of fields, such as `tos` for `dscp` and `ecn`. */
  readonly aliases?: Readonly<
    Record<string, Field & { readonly split: (value: number) => readonly [string, number][] }>
  >;
  /** The field at the end that options are put into, filled up so that the header is a whole number of `unit` bytes. */
  readonly options?: {
    readonly field: string;
    readonly words: readonly OptionWord[];
    readonly unit: number;
    /** Bytes of the header before the options. */
    readonly before: number;
  };
  /** Options as words; undefined where words would not give the same bytes again. */
  readonly formatOptions?: (bytes: Uint8Array) => string | undefined;
}

export interface ReadLayer {
  readonly values: FieldValues;
  /** Bytes of the header. */
  readonly length: number;
  /** Where each field is, in bits from the header's first. */
  readonly places: ReadonlyMap<string, { readonly at: number; readonly width: number }>;
}

/** Undefined where the bytes do not hold such a layer. */
export function readLayer(definition: LayerDefinition, bytes: Uint8Array): ReadLayer | undefined {
  const values = new Map<string, FieldValue>();
  const places = new Map<string, { at: number; width: number }>();
  let at = 0;
  for (const field of definition.fields) {
    if (field.when && !field.when(values)) continue;
    const width = typeof field.bits === 'number' ? field.bits : field.bits(values);
    if (width < 0 || at + width > bytes.length * 8) return undefined;
    const inBytes = field.initial instanceof Uint8Array;
    values.set(field.name, inBytes ? bytes.slice(at / 8, (at + width) / 8) : readBits(bytes, at, width));
    places.set(field.name, { at, width });
    at += width;
  }
  if (definition.accepts && !definition.accepts(values)) return undefined;
  return { values, length: at / 8, places };
}

/** The header's bytes. Values must be those of all fields that are there. */
export function writeLayer(definition: LayerDefinition, values: FieldValues): Uint8Array {
  const present = definition.fields.flatMap((field) => {
    const value = values.get(field.name);
    if (value === undefined) return [];
    return [{ value, width: value instanceof Uint8Array ? value.length * 8 : Number(field.bits) }];
  });
  const bytes = new Uint8Array(present.reduce((sum, { width }) => sum + width, 0) / 8);
  let at = 0;
  for (const { value, width } of present) {
    if (value instanceof Uint8Array) bytes.set(value, at / 8);
    else writeBits(bytes, at, width, value);
    at += width;
  }
  return bytes;
}
