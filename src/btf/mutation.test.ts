/**
 * Damaged BTF ends in types, values, text or a typed error: never in another exception, a hang, a run-away allocation or
 * recursion. XDPKIT_MUTANTS sets how many are made (10,000 unless given), XDPKIT_MUTATION_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { generator } from '../bytes/random.test.support.js';
import { XdpkitError } from '../errors/error.js';
import { type Fixture, fixture } from '../object/fixtures.test.support.js';
import { readObject } from '../object/read.js';
import { type Btf, readBtf } from './btf.js';
import { writeCHeader } from './c/header.js';
import { compileCodec } from './codec.js';
import { typesNeededBy } from './needed.js';
import { randomTypes } from './random.test.support.js';
import { rawLines } from './raw.js';
import { shapeOf } from './shape.js';
import { writeTypeScript } from './typescript/declarations.js';
import { writeBtf } from './write.js';

const mutants = Number(process.env.XDPKIT_MUTANTS ?? 10_000);
const seed = Number(process.env.XDPKIT_MUTATION_SEED ?? randomInt(2 ** 31));
/** Milliseconds. */
const slowest = 2000;
const largestGrowth = 768 * 1024 * 1024;
/** Bytes of a value that is decoded: larger ones only take longer. */
const largestValue = 1 << 16;
const hostile = [0, 1, 2, 7, 0x7f, 0xff, 0xffff, 0x10000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff];

function original(name: Fixture): Uint8Array {
  const { btf } = readObject(fixture(name), name);
  assert.ok(btf);
  return new Uint8Array(btf.bytes);
}

const subjects: readonly (readonly [name: string, bytes: () => Uint8Array])[] = [
  ['calls', () => original('calls')],
  ['btf-maps', () => original('btf-maps')],
  ['random types', () => writeBtf(randomTypes(generator(seed), 80))],
  ['random big-endian types', () => writeBtf(randomTypes(generator(seed + 1), 80), { byteOrder: 'big' })],
];

function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  const changed = new Uint8Array(bytes);
  const view = new DataView(changed.buffer);
  const littleEndian = changed[0] === 0x9f;
  const typeLength = view.getUint32(12, littleEndian);
  for (let left = 1 + random(4); left > 0; left--) {
    // The header is a small part of the file, and types are the larger.
    const at = random(16) === 0 ? random(24) : random(4) === 0 ? random(changed.length) : 24 + random(typeLength);
    const word = Math.min(at & ~3, changed.length - 4);
    switch (random(6)) {
      case 0:
        changed[at] = random(256);
        break;
      case 1:
        changed[at] = (changed[at] ?? 0) ^ (1 << random(8));
        break;
      case 2:
        view.setUint32(word, hostile[random(hostile.length)] ?? 0, littleEndian);
        break;
      case 3: {
        const length = Math.min(4 * (1 + random(16)), changed.length - at);
        const from = random(changed.length - length + 1);
        changed.copyWithin(at, from, from + length);
        break;
      }
      default:
        // Another id: chains and circles of types.
        view.setUint32(word, random(90), littleEndian);
    }
  }
  return random(20) === 0 ? changed.slice(0, random(changed.length)) : changed;
}

/** How often each part came to an end, and how. */
class Outcomes {
  readonly counts = new Map<string, number>();

  attempt<T>(part: string, act: () => T): T | undefined {
    try {
      const result = act();
      this.#count(`${part} done`);
      return result;
    } catch (error) {
      if (!(error instanceof XdpkitError)) throw new Error(`${part}: ${error}`, { cause: error });
      assert.ok(['MALFORMED', 'USAGE'].includes(error.code), `${part}: ${error.code} ${error.message}`);
      this.#count(`${part} refused`);
      return undefined;
    }
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

function useAll(btf: Btf, outcomes: Outcomes): void {
  const all = Array.from({ length: btf.count }, (_, id) => id);
  const types = outcomes.attempt('decoding', () => all.map((id) => btf.type(id)));
  for (const id of all) {
    outcomes.attempt('name', () => btf.nameOf(id));
    outcomes.attempt('size', () => btf.sizeOf(id));
    outcomes.attempt('line', () => rawLines(btf, id));
    outcomes.attempt('needs', () => typesNeededBy(btf, [id]));
    outcomes.attempt('shape', () => shapeOf(btf, id));
    const codec = outcomes.attempt('codec', () => compileCodec(btf, id, { name: 'it', code: 'VALUE_SHAPE' }));
    if (codec && codec.size <= largestValue) {
      outcomes.attempt('value', () => codec.decode(new DataView(new ArrayBuffer(codec.size)), 0));
    }
    if (id % 16 === 0) outcomes.attempt('C of one', () => writeCHeader(btf, { types: [id] }));
  }
  outcomes.attempt('C', () => writeCHeader(btf));
  outcomes.attempt('TypeScript', () => writeTypeScript(btf));
  if (!types) return;
  const again = outcomes.attempt('writing', () => writeBtf(types.slice(1), { byteOrder: btf.byteOrder }));
  if (again)
    assert.deepEqual(
      outcomes.attempt('reading again', () => readBtf(again, 'again').count),
      btf.count,
    );
}

for (const [name, bytes] of subjects) {
  test(`damaged copies of the BTF of ${name} end in output or a typed error`, { timeout: 3_600_000 }, () => {
    const outcomes = new Outcomes();
    const good = bytes();
    const random = generator(seed + subjects.findIndex(([each]) => each === name));
    const before = process.memoryUsage.rss();
    const each = Math.ceil(mutants / subjects.length);
    for (let index = 0; index < each; index++) {
      const which = `mutant ${index} of ${name}; repeat with XDPKIT_MUTATION_SEED=${seed} XDPKIT_MUTANTS=${mutants}`;
      const start = performance.now();
      const damaged = mutate(good, random);
      try {
        const btf = outcomes.attempt('reading', () => readBtf(damaged, 'mutant'));
        if (btf) useAll(btf, outcomes);
      } catch (error) {
        throw new Error(`${which}: ${error}`, { cause: error });
      }
      const took = performance.now() - start;
      assert.ok(took < slowest, `${which}: took ${took} ms`);
      if (index % 100 !== 0) continue;
      const growth = process.memoryUsage.rss() - before;
      assert.ok(growth < largestGrowth, `${which}: memory grew by ${growth} bytes`);
    }
    // Were all refused, or none, then the mutants would test little.
    for (const part of ['reading', 'C', 'TypeScript', 'codec']) {
      for (const end of ['done', 'refused']) {
        const count = outcomes.counts.get(`${part} ${end}`) ?? 0;
        assert.ok(count > each / 50, `${part} ${end}: ${count} of ${each}; ${JSON.stringify([...outcomes.counts])}`);
      }
    }
  });
}
