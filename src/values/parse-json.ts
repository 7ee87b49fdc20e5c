/**
 * JSON with integers of any size kept exact (RFC 8259 sets no bound): those that a `number` cannot hold come as `bigint`.
 * `JSON.parse` rounds them, and only newer Node versions show a reviver the text.
 */
import { XdpkitError } from '../errors/error.js';

export type Json = null | boolean | number | bigint | string | Json[] | { [member: string]: Json };

const token = /[ \t\n\r]*("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null|[[\]{}:,])/y;
const onlySpace = /^[ \t\n\r]*$/;
const deepest = 64;

/** Throws USAGE with the place where the text is no JSON. */
export function parseJson(text: string): Json {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Json {
    const start = this.#at;
    const word = this.#next();
    if (depth > deepest) throw this.#error('it is nested too deep', start);
    if (word === '[') return this.#array(depth);
    if (word === '{') return this.#object(depth);
    if (/^-?\d+$/.test(word)) return this.#integer(word, start);
    if (/^[\]}:,]$/.test(word)) throw this.#error(`a value is expected, not ${word}`, start);
    return this.#scalar(word, start);
  }

  end(): void {
    if (!onlySpace.test(this.#text.slice(this.#at))) throw this.#error('more follows its end', this.#at);
  }

  #array(depth: number): Json[] {
    const items: Json[] = [];
    if (this.#skip(']')) return items;
    do items.push(this.value(depth + 1));
    while (this.#separated(']'));
    return items;
  }

  #object(depth: number): Json {
    // Without a prototype, which a member named __proto__ would set.
    const members: { [member: string]: Json } = Object.create(null);
    if (this.#skip('}')) return members;
    do {
      const start = this.#at;
      const name = this.#next();
      if (!name.startsWith('"')) throw this.#error("a member's name in double quotes is expected", start);
      const key = String(this.#scalar(name, start));
      if (key in members) throw this.#error(`"${key}" is there twice`, start);
      if (this.#next() !== ':') throw this.#error('a colon is expected', this.#at - 1);
      members[key] = this.value(depth + 1);
    } while (this.#separated('}'));
    return members;
  }

  /** Whether another one follows; false where `close` does. */
  #separated(close: string): boolean {
    const start = this.#at;
    const word = this.#next();
    if (word !== ',' && word !== close) throw this.#error(`, or ${close} is expected`, start);
    return word === ',';
  }

  #skip(close: string): boolean {
    const start = this.#at;
    if (this.#next() === close) return true;
    this.#at = start;
    return false;
  }

  #integer(word: string, start: number): number | bigint {
    if (/^-?0\d/.test(word)) throw this.#error('a number begins with 0', start);
    const number = Number(word);
    return Number.isSafeInteger(number) ? number : BigInt(word);
  }

  #scalar(word: string, start: number): Json {
    try {
      return JSON.parse(word);
    } catch {
      throw this.#error(`${word} is no value`, start);
    }
  }

  #next(): string {
    token.lastIndex = this.#at;
    const word = token.exec(this.#text)?.[1];
    if (word === undefined) {
      const ended = onlySpace.test(this.#text.slice(this.#at));
      throw this.#error(ended ? 'it ends too early' : 'there is a word that is not quoted', this.#at);
    }
    this.#at = token.lastIndex;
    return word;
  }

  #error(problem: string, at: number): XdpkitError {
    const near = this.#text.slice(at).trim().slice(0, 20);
    return new XdpkitError('USAGE', `this is no JSON: ${problem}${near && ` at \`${near}\``}`);
  }
}
