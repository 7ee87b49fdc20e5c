/**
 * The kernel's settings (`CONFIG_HZ=250`) as values of a program's variables. Source: libbpf `src/libbpf.c`
 * (`bpf_object__process_kconfig_line` and what it calls).
 */
import type { SettingShape } from './spec.js';

/** The text after `NAME=`; undefined where the setting is not set. */
export function settingText(config: string, name: string): string | undefined {
  const start = `\n${config}`.indexOf(`\n${name}=`);
  if (start === -1) return undefined;
  const from = start + name.length + 1;
  const end = config.indexOf('\n', from);
  return config.slice(from, end === -1 ? undefined : end).replace(/\r$/, '');
}

export type Fitted = { readonly bytes: Uint8Array } | { readonly problem: string };

/** The bytes of a setting's text in a shape, or why it does not fit: the end of a sentence. */
export function fitSetting(shape: SettingShape, text: string, littleEndian: boolean): Fitted {
  if (text === 'y' || text === 'n' || text === 'm') return fitLetter(shape, text, littleEndian);
  if (text.startsWith('"')) return fitText(shape, text);
  const value = parseInteger(text);
  if (value === undefined) return { problem: `its value is ${text || 'empty'}, which is no number of 64 bits` };
  if (shape.shape !== 'integer' && shape.shape !== 'char') return misfit(shape, text);
  return fitNumber(shape, value, littleEndian);
}

/** A value that no text gave, of any shape that holds numbers. */
export function fitNumber(shape: SettingShape, value: bigint, littleEndian: boolean): Fitted {
  if (shape.shape === 'text' || shape.shape === 'tristate') return misfit(shape, String(value));
  const { size, signed } = shape;
  const bits = size * 8;
  const wrapped = BigInt.asUintN(64, value);
  const limit = 1n << BigInt(bits);
  const fits =
    size === 8 ||
    (shape.shape === 'bool'
      ? wrapped <= 1n
      : signed
        ? BigInt.asUintN(64, wrapped + limit / 2n) < limit
        : wrapped < limit);
  if (!fits) return { problem: `its value is ${value}, which does not fit into ${shapeWords(shape)}` };
  return { bytes: numberBytes(wrapped, size, littleEndian) };
}

function fitLetter(shape: SettingShape, text: 'y' | 'n' | 'm', littleEndian: boolean): Fitted {
  switch (shape.shape) {
    case 'bool':
      return text === 'm' ? misfit(shape, text) : { bytes: Uint8Array.of(text === 'y' ? 1 : 0) };
    case 'tristate':
      return { bytes: numberBytes(BigInt(['n', 'y', 'm'].indexOf(text)), shape.size, littleEndian) };
    case 'char':
      return { bytes: new TextEncoder().encode(text) };
    default:
      return misfit(shape, text);
  }
}

/** Longer texts are cut, as libbpf does. */
function fitText(shape: SettingShape, text: string): Fitted {
  if (shape.shape !== 'text') return misfit(shape, text);
  if (text.length < 2 || !text.endsWith('"')) return { problem: `its value ${text} has no closing quotation mark` };
  const bytes = new Uint8Array(shape.size);
  bytes.set(new TextEncoder().encode(text.slice(1, -1)).subarray(0, shape.size - 1));
  return { bytes };
}

function misfit(shape: SettingShape, text: string): Fitted {
  return { problem: `its value is ${text}, and the program declares it as ${shapeWords(shape)}` };
}

function shapeWords({ shape, size, signed }: SettingShape): string {
  switch (shape) {
    case 'bool':
      return 'bool';
    case 'tristate':
      return 'enum libbpf_tristate';
    case 'text':
      return `text of ${size} bytes`;
    case 'char':
      return `${signed ? 'a signed' : 'an unsigned'} char`;
    case 'integer':
      return `${signed ? 'a signed' : 'an unsigned'} integer of ${size} bytes`;
  }
}

/** As strtoull with base 0: decimal, `0x` hexadecimal, `0` octal; a minus wraps around. */
function parseInteger(text: string): bigint | undefined {
  const match = /^([+-]?)(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)$/i.exec(text);
  if (!match) return undefined;
  const [, sign = '', digits = '0'] = match;
  const octal = /^0[0-7]/.test(digits);
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  if (value >= 1n << 64n) return undefined;
  return sign === '-' ? -value : value;
}

function numberBytes(value: bigint, size: number, littleEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value, littleEndian);
  return new Uint8Array(view.buffer).slice(littleEndian ? 0 : 8 - size, littleEndian ? size : 8);
}
