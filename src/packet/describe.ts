/** From bytes to layers, and to the words that build the same bytes again. */
import { definitionOf } from './build.js';
import {
  type Field,
  type FieldValue,
  type FieldValues,
  formatValue,
  hexOf,
  type Surroundings,
  sameValue,
} from './field.js';
import { type LayerDefinition, type ReadLayer, readLayer } from './layer.js';
import { quote } from './syntax.js';

export interface DescribedField {
  readonly name: string;
  /** In the packet, in bits from its first byte. */
  readonly bitOffset: number;
  readonly bits: number;
  readonly value: FieldValue;
  /** As the grammar of `buildPacket` has it: `10.0.0.1`, `syn,ack`. */
  readonly text: string;
  /** What a length or checksum had to be; undefined where it is. */
  readonly expected: string | undefined;
}

export interface DescribedLayer {
  /** `eth`, `ip`, …; `data` for bytes without a header, `trailer` for what an Ethernet frame has behind its packet. */
  readonly name: string;
  /** Bytes from the packet's first; the length is that of the header, or of the data. */
  readonly offset: number;
  readonly length: number;
  readonly fields: readonly DescribedField[];
  /** The layer in the words of the grammar. */
  readonly text: string;
}

export interface PacketDescription {
  readonly layers: readonly DescribedLayer[];
  /** What `buildPacket` makes exactly these bytes of. */
  readonly text: string;
  /** The same for a line: long payloads as their length only. */
  readonly summary: string;
}

/** Takes any bytes, from the Ethernet header on: what is no header is `data`. Never throws. */
export function describePacket(bytes: Uint8Array): PacketDescription {
  const layers = describeLayers(readLayers(bytes), bytes);
  const short = layers.map((layer) =>
    layer.fields.length === 0 && layer.length > mostShown ? `${layer.name} ${layer.length} bytes` : layer.text,
  );
  return { layers, text: layers.map(({ text }) => text).join('/'), summary: short.join('/') };
}

/** Bytes of a payload that fit into a line. */
const mostShown = 24;

/** No packet that is meant has more; one of nothing but labels would. */
const mostLayers = 64;

interface FoundLayer {
  readonly name: string;
  readonly offset: number;
  /** Of the header and what is inside. */
  readonly end: number;
  readonly read: ReadLayer | undefined;
}

const links = new Set(['eth', 'vlan', 'mpls']);

/** Headers from the outermost inwards, then data, then trailers from the innermost outwards. */
function readLayers(bytes: Uint8Array): FoundLayer[] {
  const found: FoundLayer[] = [];
  // By Ethernet header, outermost first.
  const trailers: (FoundLayer | undefined)[] = [];
  let name: string | undefined = 'eth';
  let at = 0;
  let end = bytes.length;
  while (name !== undefined && found.length < mostLayers) {
    const definition: LayerDefinition = definitionOf(name);
    const read = readLayer(definition, bytes.subarray(at, end));
    if (read === undefined) break;
    // A frame's padding can be told from its packet; elsewhere, what the length leaves out is kept as wrongly told.
    const length = definition.length?.(read.values) ?? end - at;
    if (links.has(found.at(-1)?.name ?? '') && length >= read.length && at + length < end) {
      trailers[trailers.length - 1] = { name: 'trailer', offset: at + length, end, read: undefined };
      end = at + length;
    }
    if (name === 'eth') trailers.push(undefined);
    found.push({ name, offset: at, end, read });
    at += read.length;
    const next: string | undefined = at === end ? undefined : definition.next?.(read.values, bytes.subarray(at, end));
    name = next !== undefined && definitionOf(next).within.includes(name) ? next : undefined;
  }
  if (at < end || found.length === 0) found.push({ name: 'data', offset: at, end, read: undefined });
  const outermost = trailers.findIndex((trailer) => trailer !== undefined);
  if (outermost === -1) return found;
  // Where only an outer frame has a trailer, empty ones close the frames in it.
  const empty = (at: number): FoundLayer => ({ name: 'trailer', offset: at, end: at, read: undefined });
  const closing = trailers.slice(outermost).map((trailer) => trailer ?? empty(end));
  return [...found, ...closing.reverse()];
}

function describeLayers(found: readonly FoundLayer[], bytes: Uint8Array): DescribedLayer[] {
  const outer: { name: string; values: FieldValues }[] = [];
  return found.map(({ name, offset, end, read }, index) => {
    if (read === undefined) {
      const content = contentText(bytes.subarray(offset, end), name);
      return { name, offset, length: end - offset, fields: [], text: content };
    }
    const inside = (step: number): string | undefined => {
      const next = found[index + step]?.name;
      return next === 'trailer' ? undefined : next;
    };
    const surroundings: Surroundings = {
      values: read.values,
      header: withoutSums(definitionOf(name), read, bytes.subarray(offset, offset + read.length)),
      payload: bytes.subarray(offset + read.length, end),
      next: inside(1),
      afterNext: inside(2),
      outer: [...outer],
    };
    outer.push({ name, values: read.values });
    return describeHeader(definitionOf(name), offset, read, surroundings);
  });
}

function withoutSums({ fields }: LayerDefinition, { places }: ReadLayer, header: Uint8Array): Uint8Array {
  const bytes = header.slice();
  for (const { name, follows } of fields) {
    const place = follows === 'sum' ? places.get(name) : undefined;
    if (place) bytes.fill(0, place.at / 8, (place.at + place.width) / 8);
  }
  return bytes;
}

function describeHeader(
  definition: LayerDefinition,
  offset: number,
  read: ReadLayer,
  surroundings: Surroundings,
): DescribedLayer {
  const words: string[] = [definition.name];
  const fields: DescribedField[] = [];
  for (const field of definition.fields) {
    const value = read.values.get(field.name);
    const place = read.places.get(field.name);
    if (value === undefined || place === undefined) continue;
    const usual = usualValue(field, surroundings);
    const text = formatValue(field, value, read.values);
    const expected = field.follows && !sameValue(value, usual) ? formatValue(field, usual, read.values) : undefined;
    fields.push({ name: field.name, bitOffset: offset * 8 + place.at, bits: place.width, value, text, expected });
    if (field.name === definition.options?.field && value instanceof Uint8Array && !sameValue(value, usual)) {
      words.push(definition.formatOptions?.(value) ?? `${field.name} ${text}`);
    } else if (field.shown || !sameValue(value, usual)) words.push(field.name, text);
  }
  return { name: definition.name, offset, length: read.length, fields, text: words.join(' ') };
}

/** What the field is where nothing is said about it. */
function usualValue({ automatic, initial, bits }: Field, surroundings: Surroundings): FieldValue {
  if (!automatic) return initial;
  return typeof bits === 'number' ? automatic(surroundings) % 2 ** bits : automatic(surroundings);
}

function contentText(bytes: Uint8Array, name: string): string {
  const isZero = bytes.length > 3 && bytes.every((byte) => byte === 0);
  if (isZero && bytes.length <= 65_536)
    return name === 'data' ? `zeros ${bytes.length}` : `${name} zeros ${bytes.length}`;
  return `${name} ${quote(bytes) ?? `0x${hexOf(bytes)}`}`;
}
