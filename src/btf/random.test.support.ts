/** Random BTF that some C compiler could have made: every kind, packed and padded, with names that clash. */
import type { BtfMember, BtfType, TypeId } from './types.js';

type Random = (below: number) => number;

const ints = [
  ['char', 1, true],
  ['signed char', 1, true],
  ['unsigned char', 1, false],
  ['short', 2, true],
  ['unsigned short', 2, false],
  ['int', 4, true],
  ['unsigned int', 4, false],
  ['long', 8, true],
  ['unsigned long', 8, false],
  ['long long', 8, true],
  ['__int128', 16, true],
  ['usize', 8, false],
] as const;

/** `random` gives numbers from 0 below its argument. */
export function randomTypes(random: Random, count: number): BtfType[] {
  const types: BtfType[] = [];
  /** Types of which there can be a value, and their bytes. */
  const sizes = new Map<TypeId, number>();
  const prototypes: TypeId[] = [];
  /** Their fields are those of the struct around them, where there can be but one of a name. */
  const unnamed = new Set<TypeId>();
  let unique = 0;

  const add = (type: BtfType, size?: number): TypeId => {
    types.push(type);
    if (size !== undefined) sizes.set(types.length, size);
    return types.length;
  };
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  const name = () => `name${random(12)}`;
  const nameOrNot = () => (random(3) === 0 ? '' : name());
  const value = (): TypeId => pick([...sizes.keys()]);
  const typeOf = (id: TypeId): BtfType => types[id - 1] ?? { kind: 'void', name: '' };
  const behind = (id: TypeId): BtfType => {
    const type = typeOf(id);
    return type.kind === 'typedef' || type.kind === 'const' || type.kind === 'volatile' ? behind(type.type) : type;
  };
  /** For functions, which neither take nor give arrays; a type without a name would be known to them only. */
  const plain = (): TypeId => {
    const id = value();
    const type = behind(id);
    return type.kind === 'array' || type.name === '' ? 6 : id;
  };

  const composite = (): void => {
    const own = add({ kind: 'forward', name: '', union: false });
    const named = nameOrNot();
    // Only what has a name can point to itself.
    if (named !== '') add({ kind: 'pointer', name: '', type: own }, 8);
    const union = random(4) === 0;
    const members: BtfMember[] = [];
    let at = 0;
    let end = 0;
    for (let left = random(7); left > 0; left--) {
      const type = random(8) === 0 && named !== '' ? own + 1 : value();
      const size = (sizes.get(type) ?? 0) * 8;
      const resolved = behind(type);
      const bitSize =
        resolved.kind === 'int' && size < 128 && random(3) === 0 ? 1 + random(resolved.bool ? 1 : size) : 0;
      if (bitSize > 0) at += random(3) === 0 ? random(70) : 0;
      else at = roundUp(at, 8 << random(5)) + (random(4) === 0 ? 8 * random(40) : 0);
      const { name: held, kind } = typeOf(type);
      const isAnonymous = held === '' && (kind === 'struct' || kind === 'union') && bitSize === 0 && !unnamed.has(type);
      if (isAnonymous) unnamed.add(type);
      members.push({
        name: isAnonymous ? '' : `m${unique++}`,
        type,
        bitOffset: union ? 0 : at,
        bitSize,
      });
      at += bitSize || size;
      end = union ? Math.max(end, bitSize || size) : at;
      if (union) at = 0;
    }
    const step = 1 << random(4);
    const size = roundUp(Math.ceil(end / 8), step) + (random(6) === 0 ? step * random(20) : 0);
    types[own - 1] = { kind: union ? 'union' : 'struct', name: named, size, members };
    sizes.set(own, size);
  };
  const enumeration = (): void => {
    const [kind, size] = pick([
      ['enum', 4],
      ['enum', 4],
      ['enum', 1],
      ['enum', 2],
      ['enum64', 8],
    ] as const);
    const signed = random(2) === 0;
    const bits = BigInt(size * 8 - (signed ? 1 : 0));
    const values = Array.from({ length: 1 + random(4) }, () => {
      const most = 1n << bits;
      const any = ((BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32))) % most;
      return { name: `E${random(30)}`, value: signed && random(2) === 0 ? -any - 1n : any };
    });
    add({ kind, name: nameOrNot(), size, signed, values }, size);
  };

  for (const [intName, size, signed] of ints) {
    add({ kind: 'int', name: intName, size, bits: size * 8, bitOffset: 0, signed, char: false, bool: false }, size);
  }
  add({ kind: 'int', name: '_Bool', size: 1, bits: 8, bitOffset: 0, signed: false, char: false, bool: true }, 1);
  add({ kind: 'float', name: 'float', size: 4 }, 4);
  add({ kind: 'float', name: 'double', size: 8 }, 8);
  while (types.length < count) {
    switch (random(12)) {
      case 0:
        add(
          {
            kind: 'pointer',
            name: '',
            type: random(4) === 0 && prototypes.length > 0 ? pick(prototypes) : random(types.length + 1),
          },
          8,
        );
        break;
      case 1: {
        const type = value();
        const length = random(5);
        if ((sizes.get(type) ?? 0) * length < 4096) {
          add({ kind: 'array', name: '', type, indexType: 6, length }, (sizes.get(type) ?? 0) * length);
        }
        break;
      }
      case 2:
        enumeration();
        break;
      case 3: {
        const type = value();
        add({ kind: 'typedef', name: name(), type }, sizes.get(type));
        break;
      }
      case 4: {
        const type = value();
        add({ kind: pick(['const', 'volatile']), name: '', type }, sizes.get(type));
        break;
      }
      case 5: {
        const parameters = Array.from({ length: random(4) }, () => ({ name: random(2) ? name() : '', type: plain() }));
        if (random(4) === 0) parameters.push({ name: '', type: 0 });
        prototypes.push(
          add({ kind: 'function-prototype', name: '', returns: random(3) === 0 ? 0 : plain(), parameters }),
        );
        break;
      }
      case 6:
        add({ kind: 'forward', name: `absent${random(5)}`, union: random(2) === 0 });
        break;
      default:
        composite();
    }
  }
  return types;
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
