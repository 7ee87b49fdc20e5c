/**
 * Damaged objects end in a spec or a typed error: never in another exception, a hang or a run-away allocation.
 * XDPKIT_MUTANTS sets how many objects are made (100,000 unless given), XDPKIT_MUTATION_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { generator } from '../bytes/random.test.support.js';
import { readElf } from '../elf/elf.js';
import { XdpkitError } from '../errors/error.js';
import { type Fixture, fixture } from './fixtures.test.support.js';
import { linkProgram } from './link.js';
import { readObject } from './read.js';

const objects: readonly Fixture[] = ['small', 'calls', 'legacy-maps', 'btf-maps'];
const mutants = Number(process.env.XDPKIT_MUTANTS ?? 100_000);
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

function mutate(original: Uint8Array, parts: ReturnType<typeof readParts>, random: (below: number) => number) {
  let bytes = new Uint8Array(original);
  const place = () => {
    const part = parts[random(parts.length)] ?? { start: 0, length: 1 };
    return part.start + random(part.length);
  };
  for (let left = 1 + random(4); left > 0; left--) {
    const at = Math.min(place(), bytes.length - 1);
    switch (random(8)) {
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
    const random = generator(seed + objects.indexOf(name));
    const outcomes = new Map<string, number>();
    const before = process.memoryUsage.rss();
    const each = Math.ceil(mutants / objects.length);
    for (let index = 0; index < each; index++) {
      const bytes = mutate(original, parts, random);
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
