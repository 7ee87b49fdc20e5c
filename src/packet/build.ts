/** From layers to bytes. */
import { XdpkitError } from '../errors/error.js';
import type { FieldValue, FieldValues, Surroundings } from './field.js';
import { type LayerDefinition, writeLayer } from './layer.js';
import { layers as definitions } from './layers/layers.js';
import { parsePacket } from './parse-packet.js';

/** A layer as it is asked for: fields that it leaves out follow from the surroundings. */
export type LayerWish =
  | {
      readonly kind: 'header';
      readonly name: string;
      readonly values: FieldValues;
      /** Checksums that are to be wrong, whatever they would be. */
      readonly wrong?: ReadonlySet<string>;
    }
  | { readonly kind: 'data' | 'trailer'; readonly bytes: Uint8Array };

/**
 * The bytes of a packet in words: `eth/ip dst 10.0.0.1/udp dport 53/data "hello"`. Layers that are left out are put in
 * (`udp` alone is `eth/ip/udp`); lengths, checksums and types are filled in unless they are given, so that wrong ones
 * can be asked for (`sum 0`, `sum wrong`, `len 9`). Errors: `PacketSyntaxError` at the word in question.
 */
export function buildPacket(text: string): Uint8Array {
  return buildLayers(parsePacket(text));
}

type Outer = Surroundings['outer'];

/** Behind a trailer stand only those of frames further out. Errors: `USAGE`. */
function buildLayers(wishes: readonly LayerWish[]): Uint8Array {
  const { bytes, rest } = buildFrom(wishes, []);
  return joined([bytes, ...rest.flatMap((wish) => (wish.kind === 'header' ? [] : [wish.bytes]))]);
}

/** A trailer is left to the next Ethernet header around it: no length or checksum on the way there counts it. */
function buildFrom(wishes: readonly LayerWish[], outer: Outer): { bytes: Uint8Array; rest: readonly LayerWish[] } {
  const [wish, ...inner] = wishes;
  if (wish === undefined) return { bytes: new Uint8Array(), rest: [] };
  if (wish.kind !== 'header') {
    if (wish.kind === 'trailer') return { bytes: new Uint8Array(), rest: wishes };
    const { bytes, rest } = buildFrom(inner, outer);
    return { bytes: joined([wish.bytes, bytes]), rest };
  }
  const definition = definitionOf(wish.name);
  const around = { next: nameOf(inner[0]), afterNext: nameOf(inner[1]), outer };
  // What is inside may need the addresses from here, but never what follows from itself.
  const known = completeValues(definition, wish.values, { ...around, payload: new Uint8Array() });
  const { bytes: payload, rest } = buildFrom(inner, [...outer, { name: wish.name, values: known }]);
  const values = new Map(completeValues(definition, wish.values, { ...around, payload }));
  const header = writeLayer(definition, values);
  for (const { name, follows, automatic } of definition.fields) {
    if (follows !== 'sum' || !automatic || wish.values.has(name) || !values.has(name)) continue;
    const right = automatic({ ...around, payload, values, header });
    values.set(name, wish.wrong?.has(name) ? right ^ 0x5555 : right);
  }
  const bytes = joined([writeLayer(definition, values), payload]);
  const [first, ...others] = rest;
  if (wish.name !== 'eth' || first?.kind !== 'trailer') return { bytes, rest };
  return { bytes: joined([bytes, first.bytes]), rest: others };
}

/** Values of all fields that are there; checksums zero. Errors: `USAGE` for one that such a header does not have. */
function completeValues(
  definition: LayerDefinition,
  given: FieldValues,
  around: Pick<Surroundings, 'next' | 'afterNext' | 'outer' | 'payload'>,
): FieldValues {
  const values = new Map<string, FieldValue>(given);
  for (const { name, initial, when } of definition.fields) {
    if (initial instanceof Uint8Array && !when && !values.has(name)) values.set(name, initial);
  }
  const present = new Set<string>();
  for (const { name, initial, automatic, follows, when, bits } of definition.fields) {
    if (when && !when(values)) continue;
    present.add(name);
    if (values.has(name)) continue;
    const value = automatic && follows !== 'sum' ? automatic({ ...around, values, header: new Uint8Array() }) : initial;
    // A packet that outgrows its length field has one that is wrong.
    values.set(name, typeof value === 'number' && typeof bits === 'number' ? value % 2 ** bits : value);
  }
  const stray = [...given.keys()].find((name) => !present.has(name));
  if (stray === undefined) return values;
  throw new XdpkitError('USAGE', `${definition.name} has no ${stray} when its other fields are as given`, {
    hint: `It then has ${[...present].join(', ')}.`,
  });
}

export function definitionOf(name: string): LayerDefinition {
  const definition = definitions.get(name);
  if (definition === undefined) throw new RangeError(`there is no layer ${name}`);
  return definition;
}

/** A trailer is inside nothing but its Ethernet frame. */
function nameOf(wish: LayerWish | undefined): string | undefined {
  if (wish?.kind === 'header') return wish.name;
  return wish?.kind === 'data' ? 'data' : undefined;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
