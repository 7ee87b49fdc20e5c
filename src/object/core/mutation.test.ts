/**
 * Damaged relocations and damaged types, the object's and the target's, end in code or a typed error, and soon.
 * XDPKIT_MUTANTS sets how many are made (10,000 unless given), XDPKIT_MUTATION_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readBtf } from '../../btf/btf.js';
import { generator } from '../../bytes/random.test.support.js';
import { readElf } from '../../elf/elf.js';
import { XdpkitError } from '../../errors/error.js';
import { linkProgram } from '../link.js';
import { readObject } from '../read.js';
import { btfOf, localPath, recordsOf, targetPath } from './fixtures.test.support.js';

const mutants = Number(process.env.XDPKIT_MUTANTS ?? 10_000);
const seed = Number(process.env.XDPKIT_MUTATION_SEED ?? randomInt(2 ** 31));
const slowest = 1000;
const expected = new Set(['code', 'CORE_RELOCATION', 'OBJECT_UNSUPPORTED', 'MALFORMED']);
const hostile = [0, 1, 2, 7, 12, 13, 64, 0xff, 0xffff, 0x10000, 0x400_0001, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Damages one to three words of `bytes` at the places that `place` gives. */
function damage(bytes: Uint8Array, random: (below: number) => number, place: () => number): void {
  const view = new DataView(bytes.buffer);
  for (let left = 1 + random(3); left > 0; left--) {
    const at = Math.min(place() & ~3, bytes.length - 4);
    const value = view.getUint32(at, true);
    const changed = [
      hostile[random(hostile.length)] ?? 0,
      random(64),
      value ^ (1 << random(32)),
      value + 1 - random(3),
    ];
    view.setUint32(at, changed[random(changed.length)] ?? 0, true);
  }
}

/** How reading and linking every program ended, by code; other errors than ours fail the test. */
function outcomes(object: Uint8Array, target: Uint8Array, count: Map<string, number>): void {
  const attempt = <Result>(act: () => Result): Result | undefined => {
    let ended = 'code';
    try {
      return act();
    } catch (error) {
      if (!(error instanceof XdpkitError)) throw error;
      ended = error.code;
      return undefined;
    } finally {
      count.set(ended, (count.get(ended) ?? 0) + 1);
    }
  };
  const spec = attempt(() => readObject(object, 'mutant.bpf.o'));
  const btf = attempt(() => readBtf(target, 'target'));
  if (!spec || !btf) return;
  for (const program of spec.programs) attempt(() => linkProgram(spec, program, { target: btf }));
}

const object = new Uint8Array(readFileSync(localPath()));
const target = new Uint8Array(btfOf(targetPath('MOVED'), 'MOVED').bytes);
const records = [...recordsOf(object).values()].flat();
const { sections } = readElf(object, 'local');
const types = sections.find(({ name }) => name === '.BTF');
const extension = sections.find(({ name }) => name === '.BTF.ext');

const kinds: readonly [what: string, mutate: (random: (below: number) => number) => [Uint8Array, Uint8Array]][] = [
  [
    'relocations',
    (random) => {
      const bytes = new Uint8Array(object);
      damage(bytes, random, () => (records[random(records.length)] ?? 0) + random(4) * 4);
      return [bytes, target];
    },
  ],
  [
    'headers and records of .BTF.ext',
    (random) => {
      const bytes = new Uint8Array(object);
      const { offset = 0, data } = extension ?? {};
      // Half of the damage is to the header, on which all else depends.
      damage(bytes, random, () => offset + random(random(2) ? 32 : (data?.length ?? 0)));
      return [bytes, target];
    },
  ],
  [
    "types of the object's",
    (random) => {
      const bytes = new Uint8Array(object);
      damage(bytes, random, () => (types?.offset ?? 0) + random(types?.data.length ?? 0));
      return [bytes, target];
    },
  ],
  [
    "types of the target's",
    (random) => {
      const bytes = new Uint8Array(target);
      damage(bytes, random, () => random(bytes.length));
      return [object, bytes];
    },
  ],
];

kinds.forEach(([what, mutate], number) => {
  test(`damaged ${what} end in code or a typed error`, { timeout: 600_000 }, () => {
    const random = generator(seed + number);
    const ends = new Map<string, number>();
    for (let index = 0; index < mutants / kinds.length; index++) {
      const which = `mutant ${index} of ${what}; repeat with XDPKIT_MUTATION_SEED=${seed}`;
      const start = performance.now();
      try {
        outcomes(...mutate(random), ends);
      } catch (error) {
        throw new Error(`${which}: ${error}`, { cause: error });
      }
      const took = performance.now() - start;
      assert.ok(took < slowest, `${which}: took ${took} ms`);
    }
    for (const end of ends.keys()) assert.ok(expected.has(end), end);
    // Were all refused, or none, then the mutants would test little.
    assert.ok((ends.get('code') ?? 0) > 0 && (ends.get('MALFORMED') ?? 0) > 0, JSON.stringify([...ends]));
  });
});
