/** Keys and values of a map as words: what people type, and what they read. */
import type { Btf } from '../btf/btf.js';
import type { BtfValue, Codec } from '../btf/codec.js';
import { plainShape, shapeOf, type ValueShape } from '../btf/shape.js';
import { formatPrefix } from '../packet/prefix.js';
import { type FormatOptions, formatValue } from '../values/format-value.js';
import { jsonForm } from '../values/json-value.js';
import { parseValue } from '../values/parse-value.js';
import { readKernelBtf } from './kernel-btf.js';
import { knownShape } from './known-values.js';
import type { BpfMap } from './map.js';
import { isPerCpu } from './map-codecs.js';
import { buildIdFlag, frameReader, type StackFrame } from './maps/stack-trace-map.js';
import { PerCpu } from './per-cpu.js';
import { prefixOfKey } from './prefix-key.js';

export interface MapText {
  /** C types, where BTF tells them. */
  readonly keyType: string | undefined;
  readonly valueType: string | undefined;
  readonly perCpu: boolean;
  parseKey(word: string): BtfValue;
  /** Of one CPU. */
  parseValue(word: string): BtfValue;
  /** An array of one for each CPU. */
  parsePerCpu(word: string): BtfValue;
  formatKey(key: BtfValue, options: FormatOptions): string;
  /** Of one CPU. */
  formatValue(value: BtfValue, options: FormatOptions): string;
  /** For JSON: the value itself (floating-point numbers that JSON lacks by name), of a stack trace its frames. */
  documentOf(value: BtfValue): unknown;
}

/** Reads the map's BTF. Parsing a key that does not fit is refused; of values it is refused when they are written. */
export function readMapText(map: BpfMap): MapText {
  const info = map.info();
  const btf = readKernelBtf(info.btfId);
  const key = typed(btf, info.keyType, info.keySize);
  const known = info.valueType === 0 ? knownShape(info) : undefined;
  const value = known ? { shape: known, name: undefined } : typed(btf, info.valueType, info.valueSize);
  const isTrie = info.type === 'lpm_trie' && (info.keySize === 8 || info.keySize === 20);
  const toJsonForm = jsonForm(value.shape);
  const isStack = info.type === 'stack_trace' && (info.flags & buildIdFlag) === 0;
  const framesOf = frameReader();
  const stackOf = (each: BtfValue): StackFrame[] => framesOf(stackBytes(each));
  const perCpu = isPerCpu(info.type);
  return {
    keyType: key.name,
    valueType: value.name,
    perCpu,
    parseKey: (word) => asDecoded(map.keyCodec, isTrie && looksLikePrefix(word) ? word : parseValue(word, key.shape)),
    parseValue: (word) => parseValue(word, value.shape) as BtfValue,
    parsePerCpu: (word) =>
      parseValue(word, {
        kind: 'array',
        length: map.valueCodec.size / info.valueSize,
        element: value.shape,
      }) as BtfValue,
    formatKey: (each, options) => (isTrie ? writePrefix(each, map.keyCodec) : formatValue(key.shape, each, options)),
    formatValue: (each, options) =>
      isStack ? stackOf(each).map(formatFrame).join('\n  ') : formatValue(value.shape, each, options),
    documentOf: (each) => (isStack ? stackOf(each).map(frameDocument) : toJsonForm(each)),
  };
}

/** A key in the form that the map gives it in: enumerators as numbers, bytes as bytes. */
function asDecoded(codec: Codec, value: unknown): BtfValue {
  const view = new DataView(new ArrayBuffer(codec.size));
  codec.encode(view, 0, value);
  return codec.decode(view, 0);
}

interface Typed {
  readonly shape: ValueShape;
  readonly name: string | undefined;
}

/** As the codecs are chosen: by BTF where it fits. */
function typed(btf: Btf | undefined, type: number, size: number): Typed {
  const known = btf !== undefined && type !== 0 && btf.sizeOf(type) === size;
  return known ? { shape: shapeOf(btf, type), name: btf.nameOf(type) } : { shape: plainShape(size), name: undefined };
}

/** Stacks of more than one frame are read as bytes. */
function stackBytes(value: BtfValue): DataView {
  const bytes = value instanceof Uint8Array ? value : new Uint8Array(BigUint64Array.of(value as bigint).buffer);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function formatFrame({ address, symbol, offset }: StackFrame): string {
  return symbol === undefined ? `0x${address.toString(16)}` : `${symbol}+0x${offset.toString(16)}`;
}

function frameDocument({ address, symbol, offset }: StackFrame): object {
  return { address: `0x${address.toString(16)}`, symbol: symbol ?? null, offset };
}

/** `10.0.0.0/8`, or an address alone. */
function looksLikePrefix(word: string): boolean {
  return /^[0-9a-f.:]+(\/\d+)?$/i.test(word) && /[.:]/.test(word);
}

function writePrefix(key: BtfValue, codec: Codec): string {
  const bytes = new Uint8Array(codec.size);
  codec.encode(new DataView(bytes.buffer), 0, key);
  return formatPrefix(prefixOfKey(bytes));
}

/** The sum of a per-CPU value; undefined for values that have none, such as bytes. */
export function sumOf(value: BtfValue): BtfValue | undefined {
  if (!(value instanceof PerCpu)) return value;
  try {
    return value.sum();
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
