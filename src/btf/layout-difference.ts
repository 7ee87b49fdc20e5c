/** Whether two types, of two BTFs, lay the same fields out in memory in the same way. */
import type { Btf } from './btf.js';
import type { BtfMember, BtfType, TypeId } from './types.js';

export interface TypeInBtf {
  readonly btf: Btf;
  readonly type: TypeId;
}

/** As deep as the codecs go. */
const deepest = 32;

/**
 * The first difference, as in `field "port" is an int of 4 bytes, not of 2`; undefined where there is none. Names of
 * types do not count, names of fields do: `packets, bytes` and `bytes, packets` hold different things. What a pointer
 * points at does not count, nor whether a number has a sign.
 */
export function layoutDifference(found: TypeInBtf, wanted: TypeInBtf): string | undefined {
  return difference(found, wanted, '', 0);
}

function difference(found: TypeInBtf, wanted: TypeInBtf, path: string, depth: number): string | undefined {
  if (depth > deepest) return undefined;
  const [a, b] = [found.btf.type(found.btf.resolve(found.type)), wanted.btf.type(wanted.btf.resolve(wanted.type))];
  const subject = path === '' ? 'it' : `field "${path}"`;
  if (isNumber(a) && isNumber(b)) {
    return a.size === b.size ? undefined : `${subject} is a number of ${a.size} bytes, not of ${b.size}`;
  }
  if (a.kind !== b.kind) return `${subject} is of kind ${a.kind}, not ${b.kind}`;
  if (a.kind === 'array' && b.kind === 'array') {
    if (a.length !== b.length) return `${subject} is an array of ${a.length}, not of ${b.length}`;
    return difference(member(found, a.type), member(wanted, b.type), path, depth + 1);
  }
  if (!isComposite(a) || !isComposite(b)) return undefined;
  for (const [index, theirs] of b.members.entries()) {
    const name = [path, theirs.name].filter((part) => part !== '').join('.');
    const ours = a.members[index];
    if (ours?.name !== theirs.name) return `${describe(ours, path)} stands where "${name}" should be`;
    if (ours.bitOffset !== theirs.bitOffset || ours.bitSize !== theirs.bitSize) {
      return `field "${name}" is at ${place(ours)}, not at ${place(theirs)}`;
    }
    const inside = difference(member(found, ours.type), member(wanted, theirs.type), name, depth + 1);
    if (inside !== undefined) return inside;
  }
  const extra = a.members[b.members.length];
  if (extra !== undefined) return `${describe(extra, path)} should not be there`;
  return a.size === b.size ? undefined : `${subject} has ${a.size} bytes, not ${b.size}`;
}

function member(parent: TypeInBtf, type: TypeId): TypeInBtf {
  return { btf: parent.btf, type };
}

type Composite = Extract<BtfType, { kind: 'struct' | 'union' }>;
type Numeric = Extract<BtfType, { kind: 'int' | 'enum' | 'enum64' }>;

function isComposite(type: BtfType): type is Composite {
  return type.kind === 'struct' || type.kind === 'union';
}

function isNumber(type: BtfType): type is Numeric {
  return type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64';
}

function describe(found: BtfMember | undefined, path: string): string {
  if (found === undefined) return 'nothing';
  const name = [path, found.name].filter((part) => part !== '').join('.');
  return found.name === '' ? 'an anonymous member' : `field "${name}"`;
}

function place({ bitOffset, bitSize }: BtfMember): string {
  const at = bitOffset % 8 === 0 ? `byte ${bitOffset / 8}` : `bit ${bitOffset}`;
  return bitSize === 0 ? at : `${at} (${bitSize} bits)`;
}
