/** Brings BTF through C and clang back to BTF, and tells what has become of it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findClang } from '../../compile/clang.js';
import { readElf } from '../../elf/elf.js';
import { type Btf, readBtf } from '../btf.js';
import type { BtfMember, BtfType, TypeId } from '../types.js';
import { writeBtf } from '../write.js';
import { writeCHeader } from './header.js';

const clang = findClang(undefined, process.env);
const folder = mkdtempSync(join(tmpdir(), 'xdpkit-header-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

let count = 0;

/** The BTF that clang makes of C, warnings being errors. */
export function compiledBtf(source: string): Btf {
  const path = join(folder, `${count++}`);
  writeFileSync(`${path}.c`, source);
  const options = ['-g', '-target', 'bpf', '-Werror', '-Wno-missing-declarations', '-c'];
  execFileSync(clang, [...options, `${path}.c`, '-o', `${path}.o`], { stdio: ['ignore', 'ignore', 'inherit'] });
  const section = readElf(readFileSync(`${path}.o`), 'compiled').sections.find(({ name }) => name === '.BTF');
  if (!section) throw new Error('clang made no BTF');
  return readBtf(section.data, 'compiled');
}

export function typesOf(btf: Btf): BtfType[] {
  return Array.from({ length: btf.count - 1 }, (_, index) => btf.type(index + 1));
}

/** Ids of all types that C can name and hold a value of, or a pointer to. */
export function namedIds(btf: Btf): TypeId[] {
  const named = new Set(['struct', 'union', 'enum', 'enum64', 'typedef']);
  return Array.from({ length: btf.count }, (_, id) => id).filter((id) => {
    const type = btf.type(id);
    return type.name !== '' && named.has(type.kind) && !('values' in type && type.values.length === 0);
  });
}

/**
 * What differs after BTF was written as C and compiled. Each type is asked for by a struct that holds one, whose name
 * finds it again whatever C calls the type.
 */
export function roundTripDifferences(btf: Btf): string[] {
  const types = typesOf(btf);
  const ids = namedIds(btf);
  for (const id of ids) {
    const size = sizeOrUndefined(btf, id);
    if (size === undefined) types.push({ kind: 'pointer', name: '', type: id });
    const member = { name: 'held', type: size === undefined ? types.length : id, bitOffset: 0, bitSize: 0 };
    types.push({ kind: 'struct', name: `probe_${id}`, size: size ?? 8, members: [member] });
  }
  const asked = readBtf(writeBtf(types), 'asked');
  const variables = ids.map((id) => `struct probe_${id} value_${id};\n`);
  const back = compiledBtf(`${writeCHeader(asked)}\n${variables.join('')}`);
  const [originals, probes] = [asked, back].map((each) => byName(each));
  const compare = comparer(asked, back);
  return ids.flatMap((id) => {
    const name = `probe_${id}`;
    const probe = probes?.get(name);
    const original = originals?.get(name);
    if (probe === undefined || original === undefined) return [`${btf.nameOf(id)} is lost`];
    return compare(original, probe, btf.nameOf(id));
  });
}

function byName(btf: Btf): Map<string, TypeId> {
  return new Map([...btf.idsOf('struct')].map((id) => [btf.type(id).name, id]));
}

function sizeOrUndefined(btf: Btf, id: TypeId): number | undefined {
  try {
    return btf.sizeOf(id);
  } catch {
    return undefined;
  }
}

/** Compares types of two BTFs by all that a reader of values can tell, and by their names. */
export function comparer(left: Btf, right: Btf): (a: TypeId, b: TypeId, where: string) => string[] {
  const seen = new Set<string>();
  const compare = (a: TypeId, b: TypeId, where: string, pointed: boolean): string[] => {
    const [idA, idB] = [unqualified(left, a), unqualified(right, b)];
    const key = `${idA} ${idB} ${pointed}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const [x, y] = [left.type(idA), right.type(idB)];
    const differ = (what: string, p: unknown, q: unknown) => (p === q ? [] : [`${where}: ${what} ${p} became ${q}`]);
    const tagged = (type: BtfType) => ['struct', 'union', 'forward'].includes(type.kind);
    if (tagged(x) && tagged(y) && (x.kind === 'forward' || y.kind === 'forward' || pointed) && x.name !== '') {
      return differ('name', plainName(x.name, y.name), y.name);
    }
    if (x.kind.startsWith('enum') && y.kind.startsWith('enum')) return enums(x, y, differ);
    if (x.kind !== y.kind) return differ('kind', x.kind, y.kind);
    const name = x.kind === 'int' || x.kind === 'float' ? [] : differ('name', plainName(x.name, y.name), y.name);
    return [...name, ...parts(x, y, where, pointed, differ)];
  };
  const parts = (
    x: BtfType,
    y: BtfType,
    where: string,
    pointed: boolean,
    differ: (what: string, p: unknown, q: unknown) => string[],
  ): string[] => {
    if (x.kind === 'int' && y.kind === 'int') {
      // Whether a plain char has a sign is each compiler's choice; the kernel's has none, BPF's has.
      const sign = x.name === 'char' ? [] : differ('sign', x.signed, y.signed);
      return [...differ('size', x.size, y.size), ...sign, ...differ('bool', x.bool, y.bool)];
    }
    if (x.kind === 'float' && y.kind === 'float') return differ('size', x.size, y.size);
    if (x.kind === 'pointer' && y.kind === 'pointer') return compare(x.type, y.type, `${where} *`, true);
    if (x.kind === 'typedef' && y.kind === 'typedef') return compare(x.type, y.type, `${where} → ${x.name}`, pointed);
    if (x.kind === 'array' && y.kind === 'array') {
      return [...differ('length', x.length, y.length), ...compare(x.type, y.type, `${where}[]`, false)];
    }
    if (x.kind === 'function-prototype' && y.kind === 'function-prototype') {
      // `f(...)` without a parameter before the dots is not C.
      const onlyDots = x.parameters.length === 1 && x.parameters[0]?.type === 0;
      return [
        ...compare(x.returns, y.returns, `${where}()`, true),
        ...(onlyDots ? [] : differ('parameters', x.parameters.length, y.parameters.length)),
        ...x.parameters.flatMap(({ type }, index) =>
          compare(type, y.parameters[index]?.type ?? 0, `${where}(${index})`, true),
        ),
      ];
    }
    if ((x.kind === 'struct' || x.kind === 'union') && (y.kind === 'struct' || y.kind === 'union')) {
      const [mine, theirs] = [members(left, x.members), members(right, y.members)];
      return [
        ...differ('size', x.size, y.size),
        ...differ('members', mine.length, theirs.length),
        ...mine.flatMap((member, index) => {
          const other = theirs[index];
          if (!other) return [];
          const inside = `${where}.${member.name}`;
          const named = (what: string, p: unknown, q: unknown) =>
            p === q ? [] : [`${inside}: ${what} ${p} became ${q}`];
          return [
            ...named('name', member.name, other.name),
            ...named('offset', member.bitOffset, other.bitOffset),
            ...named('width', member.bitSize, other.bitSize),
            ...compare(member.type, other.type, inside, false),
          ];
        }),
      ];
    }
    return [];
  };
  return (a, b, where) => compare(a, b, where, false);
}

/** Unnamed members without fields only fill. */
function members(btf: Btf, all: readonly BtfMember[]): BtfMember[] {
  return all.filter(({ name, type }) => {
    const inner = btf.type(btf.resolve(type));
    return name !== '' || ('members' in inner && members(btf, inner.members).length > 0);
  });
}

function unqualified(btf: Btf, id: TypeId): TypeId {
  let at = id;
  for (;;) {
    const type = btf.type(at);
    if (type.kind !== 'const' && type.kind !== 'volatile' && type.kind !== 'restrict' && type.kind !== 'type-tag')
      return at;
    at = type.type;
  }
}

/** The name that is expected: `other` where it is `name` with the number that tells namesakes apart. */
function plainName(name: string, other: string): string {
  return other.replace(/___\d+$/, '') === name ? other : name;
}

function enums(x: BtfType, y: BtfType, differ: (what: string, p: unknown, q: unknown) => string[]): string[] {
  if (!('values' in x) || !('values' in y)) return [];
  return [
    ...differ('name', plainName(x.name, y.name), y.name),
    ...differ('size', x.size, y.size),
    ...differ('values', x.values.length, y.values.length),
    ...x.values.flatMap(({ name, value }, index) => [
      ...differ('enumerator', plainName(name, y.values[index]?.name ?? ''), y.values[index]?.name),
      // Clang 14 has no BTF for wider values than 32 bits, nor for signs: it keeps the lower half.
      ...differ(`value of ${name}`, BigInt.asUintN(32, value), BigInt.asUintN(32, y.values[index]?.value ?? -1n)),
    ]),
  ];
}
