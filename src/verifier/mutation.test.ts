/**
 * Logs that no kernel wrote: reading and explaining them never throws, and stays quick. XDPKIT_MUTATION_SEED repeats a
 * run, XDPKIT_MUTANTS sets how many logs are made.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { generator } from '../bytes/random.test.support.js';
import { diagnose } from './diagnose.js';
import { logs } from './logs.test.support.js';
import type { RefusedCode } from './refusal.js';
import { renderDiagnosis } from './render.js';
import { words } from './words.test.support.js';

const mutants = Number(process.env.XDPKIT_MUTANTS ?? 20_000);
const seed = Number(process.env.XDPKIT_MUTATION_SEED ?? randomInt(2 ** 31));

const line = (at: number, raw: string) => ({ at, file: 'x.c', line: at + 1, column: 5, raw, text: raw.trim() });
const code: RefusedCode = {
  name: 'p',
  type: 'xdp',
  license: 'GPL',
  size: 12,
  lines: [
    line(0, '\tvoid *end = (void *)(long)c->data_end;'),
    line(2, '\treturn ip->protocol + data[3] + *value;'),
    line(9, ''),
  ],
  functions: [
    { at: 0, name: 'p' },
    { at: 6, name: 'inner' },
  ],
  instructionText: (at) => `(85) call bpf_map_lookup_elem#${at}`,
  typesWithHelper: () => ['xdp'],
};

const originals = [
  ...Object.values(logs).map(([log]) => log),
  ...words.map(([, reason]) => `0: R1=pkt(r=0) R10=fp0\n1: (71) r0 = *(u8 *)(r1 +3)\n${reason}\nprocessed 2 insns\n`),
];
const pieces = [
  'R1=',
  'pkt(',
  ')',
  '(',
  ',',
  '=',
  '0x',
  '-',
  '\n',
  ' ',
  ': ',
  'from 1 to 2: ',
  '9999999999999999999999',
  'var_off=(',
  ';',
  'insn ',
  'Reason:\n',
  'Verification failed: ',
];

test(`mutated logs (seed ${seed})`, () => {
  const random = generator(seed);
  let slowest = 0;
  for (let mutant = 0; mutant < mutants; mutant += 1) {
    let log = originals[random(originals.length)] ?? '';
    for (let left = 1 + random(6); left > 0; left -= 1) {
      const [at, to] = [random(log.length + 1), random(log.length + 1)].sort((a, b) => a - b) as [number, number];
      const other = originals[random(originals.length)] ?? '';
      log =
        [
          () => log.slice(0, at),
          () => log.slice(at),
          () => log.slice(0, at) + log.slice(to),
          () => log.slice(0, at) + pieces[random(pieces.length)] + log.slice(at),
          () => log.slice(0, to) + log.slice(at),
          () => log.slice(0, at) + other.slice(random(other.length + 1)),
          () => log.slice(0, at) + String.fromCharCode(random(256)) + log.slice(at + 1),
        ][random(7)]?.() ?? log;
      log = log.slice(0, 20_000);
    }
    const before = performance.now();
    try {
      const told = diagnose(log, mutant % 2 ? code : { ...code, lines: [], functions: [] });
      assert.equal(typeof told.what, 'string');
      renderDiagnosis(told);
      JSON.stringify(told);
    } catch (error) {
      throw new Error(`mutant ${mutant} of seed ${seed}:\n${log}`, { cause: error });
    }
    slowest = Math.max(slowest, performance.now() - before);
  }
  assert.ok(slowest < 1000, `the slowest took ${slowest} ms`);
});

test('long lines and long logs are read in time that grows with their length', () => {
  const hostile = [
    'R1='.repeat(100_000),
    'R1=pkt('.repeat(50_000),
    `R1=pkt(${'a=('.repeat(50_000)}`,
    `1: (71) ${'*(u8 *)('.repeat(50_000)}`,
    ','.repeat(300_000),
    '(R1=('.repeat(60_000),
  ];
  for (const text of hostile) {
    const before = performance.now();
    diagnose(`0: ${text}\n${text}\n1: (71) r0 = *(u8 *)(r1 +3) ; ${text}\n${text}`, code);
    assert.ok(performance.now() - before < 3000, text.slice(0, 20));
  }
  const many = '1: (71) r0 = *(u8 *)(r1 +3)         ; R0=scalar() R1=pkt(r=8)\n'.repeat(200_000);
  const before = performance.now();
  diagnose(many, code);
  assert.ok(performance.now() - before < 10_000);
});
