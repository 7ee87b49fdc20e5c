/** From words to layers. The grammar stands with `buildPacket`. */
import { XdpkitError } from '../errors/error.js';
import type { LayerWish } from './build.js';
import { type FieldValue, parseHexBytes, parseValue } from './field.js';
import type { LayerDefinition } from './layer.js';
import { contentWords, layers as definitions } from './layers/layers.js';
import { PacketSyntaxError, splitPacket, unquote, type Word } from './syntax.js';

/** Enough for any frame that a test needs, and no typing error that eats the memory. */
const mostBytes = 65_536;

/** Errors: `PacketSyntaxError`. */
export function parsePacket(text: string): LayerWish[] {
  const wishes: LayerWish[] = [];
  for (const words of splitPacket(text)) {
    const [name, ...rest] = words;
    if (name === undefined)
      throw new PacketSyntaxError(text, { text: '', offset: text.length }, 'a layer without a name', namesHint);
    const reader = new LayerReader(text, name, rest);
    if (wishes.at(-1)?.kind === 'trailer' && name.text !== 'trailer') {
      throw reader.error(name, 'behind a trailer there are only trailers, of the frames further out');
    }
    if (contentWords.some((word) => word === name.text)) {
      wishes.push({ kind: name.text === 'trailer' ? 'trailer' : 'data', bytes: reader.content() });
      continue;
    }
    const definition = definitions.get(name.text);
    if (definition === undefined) throw reader.error(name, 'there is no such layer', namesHint);
    for (const implied of impliedBefore(definition, wishes.at(-1), reader)) {
      wishes.push({ kind: 'header', name: implied, values: new Map() });
    }
    wishes.push(reader.header(definition));
  }
  return wishes;
}

const namesHint = `Layers are ${[...definitions.keys(), ...contentWords].join(', ')}.`;

/** Layers that are left out before one, outermost first. */
function impliedBefore(definition: LayerDefinition, before: LayerWish | undefined, reader: LayerReader): string[] {
  // Behind bytes anything may stand: whoever gives bytes knows what they are.
  if (before !== undefined && before.kind !== 'header') return [];
  const base = before?.name ?? 'start';
  const implied: string[] = [];
  for (let inner = definition; !inner.within.includes(base); ) {
    const [carrier = 'start'] = inner.within;
    const outer = definitions.get(carrier);
    if (outer === undefined) {
      throw reader.error(
        reader.name,
        `${definition.name} cannot stand in ${base}`,
        `It stands in ${definition.within.join(', ')}.`,
      );
    }
    implied.unshift(carrier);
    inner = outer;
  }
  return implied;
}

class LayerReader {
  readonly name: Word;
  readonly #text: string;
  readonly #words: Word[];

  constructor(text: string, name: Word, words: readonly Word[]) {
    this.#text = text;
    this.name = name;
    this.#words = [...words];
  }

  error(word: Word, problem: string, hint?: string): PacketSyntaxError {
    return new PacketSyntaxError(this.#text, word, problem, hint);
  }

  header(definition: LayerDefinition): LayerWish {
    const given = new Map<string, { name: Word; value: Word }>();
    const options: Uint8Array[] = [];
    const { fields, aliases = {}, options: place } = definition;
    for (let name = this.#words.shift(); name !== undefined; name = this.#words.shift()) {
      const option = place?.words.find((word) => word.name === name?.text);
      if (option) {
        const value = option.takes === undefined ? { text: '', offset: 0 } : this.#value(name);
        options.push(this.#at(value, () => option.encode(value.text)));
      } else if (name.text === place?.field) {
        const value = this.#value(name);
        options.push(this.#at(value, () => parseHexBytes(value.text)));
      } else {
        const known = fields.some((field) => field.name === name?.text) || Object.hasOwn(aliases, name.text);
        if (!known) throw this.error(name, `${definition.name} has no field of that name`, fieldsHint(definition));
        if (given.has(name.text)) throw this.error(name, `${name.text} is given twice`);
        given.set(name.text, { name, value: this.#value(name) });
      }
    }
    return this.#wish(definition, given, options);
  }

  /** Values in the order of fields: the names of later ones may depend on earlier ones. */
  #wish(
    { name, fields, aliases = {}, options: place }: LayerDefinition,
    given: ReadonlyMap<string, { name: Word; value: Word }>,
    options: readonly Uint8Array[],
  ): LayerWish {
    const values = new Map<string, FieldValue>();
    const wrong = new Set<string>();
    for (const [alias, field] of Object.entries(aliases)) {
      const words = given.get(alias);
      if (words === undefined) continue;
      const value = this.#at(words.value, () => parseValue(field, words.value.text, values));
      for (const [part, number] of field.split(Number(value))) {
        if (given.has(part)) throw this.error(words.name, `${alias} holds ${part}, which is given too`);
        values.set(part, number);
      }
    }
    for (const field of fields) {
      const words = given.get(field.name);
      if (words === undefined) continue;
      if (field.follows === 'sum' && words.value.text === 'wrong') wrong.add(field.name);
      else
        values.set(
          field.name,
          this.#at(words.value, () => parseValue(field, words.value.text, withInitial(fields, values))),
        );
    }
    if (place && options.length > 0) values.set(place.field, padded(options, place));
    return { kind: 'header', name, values, wrong };
  }

  /** The bytes of `data "text"`, `data 0x…`, `zeros 18`, `random 64 seed 1`; a trailer takes all of them. */
  content(): Uint8Array {
    const isTrailer = this.name.text === 'trailer';
    const kind =
      isTrailer && ['zeros', 'random'].includes(this.#words[0]?.text ?? '') ? this.#words.shift() : this.name;
    const word = this.#words.shift();
    if (kind === undefined || word === undefined)
      throw this.error({ text: '', offset: this.#text.length }, `${this.name.text} without a value`);
    const bytes = kind.text === 'zeros' || kind.text === 'random' ? this.#counted(kind, word) : this.#literal(word);
    const [stray] = this.#words;
    if (stray) throw this.error(stray, 'nothing more belongs to these bytes');
    return bytes;
  }

  #literal(word: Word): Uint8Array {
    if (!word.text.startsWith('"')) return this.#at(word, () => parseHexBytes(word.text));
    const bytes = unquote(word.text);
    if (bytes === undefined) throw this.error(word, 'a backslash stands before n, r, t, ", \\ or x and two digits');
    return bytes;
  }

  #counted(kind: Word, word: Word): Uint8Array {
    const length = this.#number(word, mostBytes);
    if (kind.text === 'zeros') return new Uint8Array(length);
    let seed = 1;
    if (this.#words[0]?.text === 'seed') seed = this.#number(this.#value(this.#words.shift() as Word), 2 ** 32 - 1);
    return randomBytes(length, seed);
  }

  #number(word: Word, most: number): number {
    const value = Number(word.text);
    if (!/^\d+$/.test(word.text) || value > most) throw this.error(word, `a number from 0 to ${most} belongs here`);
    return value;
  }

  #value(name: Word): Word {
    const value = this.#words.shift();
    if (value === undefined) throw this.error(name, `${name.text} without a value`);
    return value;
  }

  #at<T>(word: Word, parse: () => T): T {
    try {
      return parse();
    } catch (cause) {
      if (!(cause instanceof XdpkitError)) throw cause;
      throw this.error(word, cause.message, cause.hint);
    }
  }
}

/** Names may depend on a field that is not given: on what it is then. */
function withInitial(
  fields: LayerDefinition['fields'],
  values: ReadonlyMap<string, FieldValue>,
): ReadonlyMap<string, FieldValue> {
  return new Map([...fields.map(({ name, initial }) => [name, initial] as const), ...values]);
}

function fieldsHint({ name, fields, aliases = {}, options }: LayerDefinition): string {
  const words = [
    ...fields.map((field) => field.name),
    ...Object.keys(aliases),
    ...(options?.words ?? []).map((word) => word.name),
  ];
  return `${name} has ${words.join(', ')}.`;
}

function padded(parts: readonly Uint8Array[], { unit, before }: NonNullable<LayerDefinition['options']>): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(Math.ceil((before + length) / unit) * unit - before);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The same for a seed on every machine (mulberry32). */
function randomBytes(length: number, seed: number): Uint8Array {
  let state = seed >>> 0;
  return Uint8Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) & 0xff;
  });
}
