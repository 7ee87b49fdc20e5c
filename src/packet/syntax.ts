/** Packets in words, as a list of words with their places. */
import { XdpkitError } from '../errors/error.js';

export interface Word {
  readonly text: string;
  /** In the packet's text, in UTF-16 units. */
  readonly offset: number;
}

/** A word of a packet that cannot be meant: `offset` and `length` say where it is. */
export class PacketSyntaxError extends XdpkitError {
  readonly offset: number;
  readonly length: number;

  constructor(packet: string, word: Word, problem: string, hint?: string) {
    const { text, offset } = word;
    const where = text === '' ? 'at its end' : `at "${text}", character ${offset + 1}`;
    // The line itself, with the word marked, is what shows a slip at a glance.
    const mark = /[\n\t]/.test(packet)
      ? ''
      : `\n  ${packet}\n  ${' '.repeat(offset)}${'^'.repeat(Math.max(1, text.length))}`;
    super('USAGE', `packet, ${where}: ${problem}${mark}`, { hint });
    this.offset = offset;
    this.length = text.length;
  }

  override get details(): Readonly<Record<string, unknown>> {
    return { offset: this.offset, length: this.length };
  }
}

/** Layers between slashes, each its words; a quoted string is one word and may hold slashes and blanks. */
export function splitPacket(text: string): (readonly Word[])[] {
  const layers: Word[][] = [[]];
  const pattern = /\s+|\/|"(?:[^"\\]|\\.)*"|[^\s/"]+/gsy;
  let end = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [found] = match;
    end = pattern.lastIndex;
    if (found === '/') layers.push([]);
    else if (found.trim() !== '') layers.at(-1)?.push({ text: found, offset: match.index });
  }
  if (end < text.length) {
    throw new PacketSyntaxError(text, { text: text.slice(end), offset: end }, 'a quoted string without an end');
  }
  return layers;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

/** The bytes of a quoted string (UTF-8); `\n`, `\r`, `\t`, `\"`, `\\` and `\x41` are as in C. Undefined for another `\`. */
export function unquote(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const [piece] of text.slice(1, -1).matchAll(/\\x[0-9a-f]{2}|\\.|[^\\]+/gis)) {
    if (!piece.startsWith('\\')) bytes.push(...new TextEncoder().encode(piece));
    else if (piece.length === 4) bytes.push(Number.parseInt(piece.slice(2), 16));
    else {
      const escaped = escapes[piece.slice(1)];
      if (escaped === undefined) return undefined;
      bytes.push(escaped.charCodeAt(0));
    }
  }
  return Uint8Array.from(bytes);
}

/** Bytes as `unquote` takes them; undefined where they are no plain text. */
export function quote(bytes: Uint8Array): string | undefined {
  if (
    bytes.length === 0 ||
    !bytes.every((byte) => (byte >= 32 && byte < 127) || byte === 9 || byte === 10 || byte === 13)
  ) {
    return undefined;
  }
  const names = new Map(Object.entries(escapes).map(([name, character]) => [character, `\\${name}`]));
  const characters = Array.from(bytes, (byte) => String.fromCharCode(byte));
  return `"${characters.map((character) => names.get(character) ?? character).join('')}"`;
}
