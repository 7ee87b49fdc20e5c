/**
 * Values as people read them: enumerators by name, addresses, MACs and ports as they are written, other bytes as `0x…`.
 * What fits `width` stands on one line, else a field a line.
 */
import type { BtfValue } from '../btf/codec.js';
import type { ValueShape } from '../btf/shape.js';
import { formatIp } from '../packet/ip-address.js';
import { formatMac } from '../packet/mac-address.js';
import { addressBytes, roleOf } from './role.js';

export interface FormatOptions {
  /** Characters; the first line may already have `used` of them, and later lines begin with `indent` spaces. */
  readonly width: number;
  readonly used?: number;
  readonly indent?: number;
}

export function formatValue(shape: ValueShape, value: BtfValue, options: FormatOptions): string {
  const { width, used = 0, indent = 0 } = options;
  return layOut(tree(shape, value, undefined), width, used, indent);
}

/** Text, or parts in brackets, each with what stands before it. */
type Tree = string | { readonly open: string; readonly close: string; readonly parts: readonly [string, Tree][] };

function tree(shape: ValueShape, value: BtfValue, name: string | undefined): Tree {
  const role = roleOf(shape, name);
  if (role === 'ip') return formatIp(addressBytes(shape, value));
  if (role === 'mac') return formatMac(value as Uint8Array);
  switch (shape.kind) {
    case 'integer':
      return formatInteger(shape, value as number | bigint);
    case 'text':
      return JSON.stringify(value);
    case 'bytes':
      return `0x${Array.from(value as Uint8Array, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    case 'array': {
      const items = value as readonly BtfValue[];
      return { open: '[', close: ']', parts: items.map((item) => ['', tree(shape.element, item, name)]) };
    }
    case 'struct': {
      const fields = value as { readonly [field: string]: BtfValue };
      const parts = shape.fields.map((field): [string, Tree] => [
        `${field.name}: `,
        tree(field.shape, fields[field.name] as BtfValue, field.name),
      ]);
      return { open: '{', close: '}', parts };
    }
    default:
      return String(value);
  }
}

function formatInteger(shape: Extract<ValueShape, { kind: 'integer' }>, value: number | bigint): string {
  if (shape.pointer) return `0x${value.toString(16)}`;
  if (shape.enumerators.length === 0) return String(value);
  return shape.enumerators.find((each) => each.value === BigInt(value))?.name ?? String(value);
}

function oneLine(node: Tree): string {
  if (typeof node === 'string') return node;
  return `${node.open}${node.parts.map(([before, part]) => before + oneLine(part)).join(', ')}${node.close}`;
}

function layOut(node: Tree, width: number, used: number, indent: number): string {
  const line = oneLine(node);
  if (typeof node === 'string' || used + line.length <= width) return line;
  const inner = indent + 2;
  const space = ' '.repeat(inner);
  // Items without names, and without parts of their own, stand side by side.
  if (node.parts.every(([before, part]) => before === '' && typeof part === 'string')) {
    const rows = fill(
      node.parts.map(([, part]) => part as string),
      width - inner,
    );
    return `${node.open}\n${rows.map((row) => `${space}${row}\n`).join('')}${' '.repeat(indent)}${node.close}`;
  }
  const lines = node.parts.map(
    ([before, part]) => `${space}${before}${layOut(part, width - 1, inner + before.length, inner)},\n`,
  );
  return `${node.open}\n${lines.join('')}${' '.repeat(indent)}${node.close}`;
}

function fill(words: readonly string[], width: number): string[] {
  const rows: string[] = [];
  for (const word of words) {
    const last = rows.length - 1;
    const row = rows[last];
    if (row !== undefined && row.length + word.length + 2 <= width) rows[last] = `${row} ${word},`;
    else rows.push(`${word},`);
  }
  return rows;
}
