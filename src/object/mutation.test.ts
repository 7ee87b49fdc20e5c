/**
 * Damaged objects end in a spec or a typed error: never in another exception, a hang or a run-away allocation.
 * XDPKIT_MUTANTS sets how many objects are made (10,000 unless given, a million in a night), XDPKIT_MUTATION_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { generator } from '../bytes/random.test.support.js';
import { readElf, sectionType } from '../elf/elf.js';
import { XdpkitError } from '../errors/error.js';
import { linkChain } from './chain/link-chain.js';
import { readRunConfig } from './chain/run-config.js';
import { wrapProgram } from './chain/wrap.js';
import { type Fixture, fixture } from './fixtures.test.support.js';
import { linkProgram } from './link.js';
import { readObject } from './read.js';

const objects: readonly Fixture[] = ['small', 'calls', 'legacy-maps', 'btf-maps', 'externs', 'struct-ops'];
const mutants = Number(process.env.XDPKIT_MUTANTS ?? 10_000);
const seed = Number(process.env.XDPKIT_MUTATION_SEED ?? randomInt(2 ** 31));
const slowest = 1000;
/** Beyond what a garbage collector lets stand between two looks; one damaged size taken at its word would be gigabytes. */
const largestGrowth = 768 * 1024 * 1024;
const hostile = [0, 1, 7, 0x7f, 0xff, 0xffff, 0x10000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_fffe, 0xffff_ffff];

/** Where a mutation means something to the reader: not in the debug sections, which it never looks at. */
function readParts(bytes: Uint8Array): { start: number; length: number }[] {
  const parts = [
    { start: 0, length: 64 },
    { start: Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(40, true)), length: 0 },
  ];
  const table = parts[1];
  if (table) table.length = bytes.length - table.start;
  for (const { name, offset, data } of readElf(bytes, 'object').sections) {
    if (data.length > 0 && !/debug|llvm/.test(name)) parts.push({ start: offset, length: data.length });
  }
  return parts;
}

/** Where the records lie that refer to each other by number, with the offsets and sizes of their fields. */
function readRecords(bytes: Uint8Array): Place[] {
  const { sections } = readElf(bytes, 'object');
  const tableOffset = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(40, true));
  const places: Place[] = [];
  const add = (start: number, fields: readonly (readonly [offset: number, size: number])[]) => {
    for (const [offset, size] of fields) places.push({ at: start + offset, size });
  };
  for (const { index, name, offset, type, data } of sections) {
    if (/debug|llvm/.test(name)) continue;
    // sh_type, sh_flags, sh_offset, sh_size, sh_link, sh_info
    add(tableOffset + index * 64, [
      [4, 4],
      [8, 4],
      [24, 4],
      [32, 4],
      [40, 4],
      [44, 4],
    ]);
    for (let at = 0; at + 16 <= data.length; at += 16) {
      // r_offset, type and symbol of r_info
      if (type === sectionType.rel)
        add(offset + at, [
          [0, 4],
          [8, 4],
          [12, 4],
        ]);
    }
    for (let at = 0; at + 24 <= data.length; at += 24) {
      // st_info, st_other, st_shndx, st_value, st_size
      if (type === sectionType.symbolTable)
        add(offset + at, [
          [4, 1],
          [5, 1],
          [6, 2],
          [8, 4],
          [16, 4],
        ]);
    }
  }
  return places;
}

interface Place {
  readonly at: number;
  readonly size: number;
}

/** Another small number: another section, symbol, function or kind, mostly one that exists. */
function refer(bytes: Uint8Array, { at, size }: Place, random: (below: number) => number): void {
  if (at + size > bytes.length) return;
  const view = new DataView(bytes.buffer);
  const old = size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
  const near = [random(64), random(64) * 8, old + 8, old - 8, old ^ (1 << random(5)), old + random(5) - 2];
  const number = near[random(near.length)] ?? 0;
  if (size === 1) view.setUint8(at, number);
  else if (size === 2) view.setUint16(at, number, true);
  else view.setUint32(at, number, true);
}

function mutate(
  original: Uint8Array,
  parts: ReturnType<typeof readParts>,
  records: readonly Place[],
  random: (below: number) => number,
) {
  let bytes = new Uint8Array(original);
  const place = () => {
    const part = parts[random(parts.length)] ?? { start: 0, length: 1 };
    return part.start + random(part.length);
  };
  for (let left = 1 + random(4); left > 0; left--) {
    const at = Math.min(place(), bytes.length - 1);
    switch (random(14)) {
      case 0:
        bytes = bytes.slice(0, 1 + random(bytes.length));
        break;
      case 1: {
        const length = Math.min(1 + random(64), bytes.length - at);
        const from = random(bytes.length - length + 1);
        bytes.copyWithin(at, from, from + length);
        break;
      }
      case 2:
      case 3:
      case 4: {
        const aligned = Math.max(0, Math.min(at & ~3, bytes.length - 4));
        if (bytes.length < 4) break;
        const view = new DataView(bytes.buffer);
        view.setUint32(aligned, (hostile[random(hostile.length)] ?? 0) + (random(4) ? 0 : random(64)), true);
        break;
      }
      case 5:
        bytes[at] = random(256);
        break;
      case 6:
      case 7:
      case 8:
      case 9:
      case 10:
      case 11: {
        const record = records[random(records.length)];
        if (record) refer(bytes, record, random);
        break;
      }
      default:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    }
  }
  return bytes;
}

/** How reading and linking ended: `spec`, or the code of a typed error. Types are decoded only when asked for. */
function outcome(bytes: Uint8Array, withTypes: boolean): string {
  const code = codeOf(() => {
    const spec = readObject(bytes, 'mutant.bpf.o');
    for (const program of spec.programs) codeOf(() => linkProgram(spec, program));
    const { btf } = spec;
    if (!btf || !withTypes) return;
    for (const program of spec.programs) {
      codeOf(() => {
        const member = { spec, program: { ...program, attachType: undefined }, ...readRunConfig(spec, program.name) };
        linkChain(['one', 'two'].map((name) => ({ ...member, name })));
        wrapProgram(spec, program, { exit: { spec, function: program.name } });
      });
    }
    for (let id = 0; id < btf.count; id++) {
      codeOf(() => btf.nameOf(id));
      codeOf(() => btf.sizeOf(id));
    }
  });
  return code ?? 'spec';
}

/** Other errors than ours pass through and fail the test. */
function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof XdpkitError) return error.code;
    throw error;
  }
}

for (const name of objects) {
  test(`damaged copies of ${name} end in a spec or a typed error`, { timeout: 600_000 }, () => {
    const original = new Uint8Array(fixture(name));
    const parts = readParts(original);
    const records = readRecords(original);
    const random = generator(seed + objects.indexOf(name));
    const outcomes = new Map<string, number>();
    const before = process.memoryUsage.rss();
    const each = Math.ceil(mutants / objects.length);
    for (let index = 0; index < each; index++) {
      const bytes = mutate(original, parts, records, random);
      const which = `mutant ${index} of ${name}; repeat with XDPKIT_MUTATION_SEED=${seed} XDPKIT_MUTANTS=${mutants}`;
      const start = performance.now();
      let ended: string;
      try {
        ended = outcome(bytes, index % 8 === 0);
      } catch (error) {
        throw new Error(`${which}: ${error}`, { cause: error });
      }
      const took = performance.now() - start;
      assert.ok(took < slowest, `${which}: took ${took} ms`);
      outcomes.set(ended, (outcomes.get(ended) ?? 0) + 1);
      if (index % 100 !== 0) continue;
      const growth = process.memoryUsage.rss() - before;
      assert.ok(growth < largestGrowth, `${which}: memory grew by ${growth} bytes`);
    }
    // Error codes that say more than damage come only from what they name.
    for (const code of outcomes.keys()) {
      assert.ok(['spec', 'MALFORMED', 'NOT_ELF', 'WRONG_MACHINE', 'OBJECT_UNSUPPORTED'].includes(code), code);
    }
    // Were all refused, or none, then the mutants would test little.
    assert.ok((outcomes.get('spec') ?? 0) > each / 20, JSON.stringify([...outcomes]));
    assert.ok((outcomes.get('MALFORMED') ?? 0) > each / 20, JSON.stringify([...outcomes]));
  });
}
