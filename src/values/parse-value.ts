/**
 * Values from words of a command line: JSON in the shape that `map dump --json` prints, or a plain word where one says
 * all: `2`, `0x1f`, `XDP_DROP`, `10.0.0.1`, `02:00:00:00:00:01`, `00ff`, `some text`.
 */
import type { ValueShape } from '../btf/shape.js';
import { parseIp } from '../packet/ip-address.js';
import { parseMac } from '../packet/mac-address.js';
import { type Json, parseJson } from './parse-json.js';
import { addressSize, addressValue } from './role.js';

/**
 * What a codec of the shape encodes. What has no sense for the shape is left as it is, for the codec to refuse: it knows
 * what it was given for. Errors: USAGE for what begins as JSON and is none.
 */
export function parseValue(word: string, shape: ValueShape): unknown {
  const text = word.trim();
  return readValue(/^[[{"]/.test(text) ? parseJson(text) : text, shape);
}

function readValue(json: Json, shape: ValueShape): unknown {
  if (typeof json === 'string') return readText(json, shape);
  if (shape.kind === 'text' && (typeof json === 'number' || typeof json === 'bigint')) return String(json);
  if (shape.kind === 'float' && typeof json === 'bigint') return Number(json);
  if (Array.isArray(json)) {
    return shape.kind === 'array' ? json.map((item) => readValue(item, shape.element)) : json;
  }
  if (typeof json !== 'object' || json === null || shape.kind !== 'struct') return json;
  const shapes = new Map(shape.fields.map((field) => [field.name, field.shape]));
  return Object.fromEntries(
    Object.entries(json).map(([name, part]) => {
      const inner = shapes.get(name);
      return [name, inner ? readValue(part, inner) : part];
    }),
  );
}

function readText(text: string, shape: ValueShape): unknown {
  switch (shape.kind) {
    case 'integer':
      return readInteger(text) ?? readAddress(text, shape) ?? text;
    case 'boolean':
      return ({ true: true, false: false, 1: true, 0: false } as Record<string, boolean>)[text] ?? text;
    case 'float':
      return text.trim() === '' || (Number.isNaN(Number(text)) && text.trim() !== 'NaN') ? text : Number(text);
    case 'bytes':
      return readBytes(text, shape.size) ?? readAddress(text, shape) ?? text;
    case 'array':
    case 'struct':
      return readAddress(text, shape) ?? text;
    case 'text':
      return text;
  }
}

function readInteger(text: string): bigint | undefined {
  const parts = /^(-?)(\d+|0x[0-9a-f]+)$/i.exec(text);
  if (parts?.[2] === undefined) return undefined;
  const size = BigInt(parts[2]);
  return parts[1] === '-' ? -size : size;
}

function readBytes(text: string, size: number): Uint8Array | undefined {
  const digits = text.replace(/^0x/i, '');
  if (digits.length === size * 2 && /^[0-9a-f]*$/i.test(digits)) {
    return Uint8Array.from({ length: size }, (_, index) => Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16));
  }
  return size === 6 ? attempt(() => parseMac(text)) : undefined;
}

/** Stored as packets carry it, in network order, also where a program keeps it in a plain 4-byte integer. */
function readAddress(text: string, shape: ValueShape): unknown {
  const size = shape.kind === 'integer' && shape.size === 4 && !shape.bitfield ? 4 : addressSize(shape);
  if (size === undefined) return undefined;
  const bytes = attempt(() => parseIp(text));
  return bytes?.length === size ? addressValue(shape, bytes) : undefined;
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
