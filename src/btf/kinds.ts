/** `BTF_KIND_…` by number. Source: Linux `include/uapi/linux/btf.h`. */
import type { BtfKind } from './types.js';

export const kindNames = [
  'void',
  'int',
  'pointer',
  'array',
  'struct',
  'union',
  'enum',
  'forward',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'function',
  'function-prototype',
  'variable',
  'section',
  'float',
  'declaration-tag',
  'type-tag',
  'enum64',
] as const satisfies readonly BtfKind[];

export const kindNumbers = Object.freeze(
  Object.fromEntries(kindNames.map((name, number) => [name, number])),
) as Readonly<Record<BtfKind, number>>;

/** Every type begins with name offset, info, and size or type. */
export const typeHeaderSize = 12;

/** Bytes after the header: some fixed, some for each of the `vlen` members. By kind number. */
export const fixedSizes: readonly number[] = [0, 4, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 4, 0, 0];
export const memberSizes: readonly number[] = [0, 0, 0, 0, 12, 12, 8, 0, 0, 0, 0, 0, 0, 8, 0, 12, 0, 0, 0, 12];
