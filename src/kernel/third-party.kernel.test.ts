/** What libbpf loads of other projects' objects into the running kernel is loaded here too; the rest is explained. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import { type OpenedObject, parseObject } from '../loader/open.js';
import { type ForeignObject, foreignObjects } from '../object/foreign.test.support.js';
import { isLoadedByLibbpf } from '../object/libbpf.test.support.js';
import type { ProgramSpec } from '../object/spec.js';
import { uniqueName } from './kernel-state.test.support.js';
import type { ProgramChoice } from './load.js';

const pins = `/sys/fs/bpf/${uniqueName()}`;
after(() => rmSync(pins, { recursive: true, force: true }));

/** Undefined where it loads. Pins are taken back each time. */
function refusalOf(object: OpenedObject, choice: string | ProgramChoice): XdpkitError | undefined {
  rmSync(pins, { recursive: true, force: true });
  mkdirSync(pins);
  try {
    using loaded = object.load({ programs: [choice], pinFolder: pins });
    assert.ok(loaded.programs.size >= 1);
    return undefined;
  } catch (error) {
    if (error instanceof XdpkitError) return error;
    throw error;
  }
}

/** Refusals that are the kernel's, or for want of what only the object's own application gives. */
const explained = new Set(['UNSUPPORTED', 'TARGET_NOT_FOUND', 'VERIFIER', 'MAP_CREATE', 'OBJECT_UNSUPPORTED', 'USAGE']);

function compare(object: ForeignObject): { loaded: number; programs: number } {
  const opened = parseObject(object.bytes, object.name);
  let loaded = 0;
  for (const { name } of opened.spec.programs) {
    const refusal = refusalOf(opened, name);
    if (refusal === undefined) {
      loaded += 1;
      continue;
    }
    const where = `${object.name}, ${name}: ${refusal.message}`;
    assert.ok(explained.has(refusal.code), `${refusal.code} ${where}`);
    assert.doesNotMatch(refusal.message, /undefined|NaN|\[object/);
    rmSync(pins, { recursive: true, force: true });
    mkdirSync(pins);
    if (/cannot look up in the kernel yet/.test(refusal.message)) continue;
    assert.equal(isLoadedByLibbpf(object.path, name, pins), false, `libbpf loads ${where}`);
  }
  return { loaded, programs: opened.spec.programs.length };
}

for (const [from, least] of [
  ['libbpf-tools', 120],
  ['xdp-tools', 30],
] as const) {
  test(`${from}: every program that libbpf loads`, { timeout: 300_000 }, () => {
    const counts = foreignObjects(from).map(compare);
    const sum = counts.reduce((total, { loaded }) => total + loaded, 0);
    assert.ok(sum >= least, `${sum} programs were loaded`);
  });
}

const typed = ({ name, type }: ProgramSpec): string | ProgramChoice =>
  type === undefined ? { name, type: 'socket_filter' } : name;

test('opensnitch and suricata: every program, of which libbpf opens none', () => {
  for (const object of [...foreignObjects('opensnitch-ebpf-modules'), ...foreignObjects('suricata')]) {
    const opened = parseObject(object.bytes, object.name);
    for (const program of opened.spec.programs) {
      assert.equal(refusalOf(opened, typed(program))?.message, undefined, `${object.name}, ${program.name}`);
    }
  }
});

test("cilium/ebpf's: every program of this machine's byte order, but for what its tests add themselves", () => {
  const expected: readonly (readonly [object: RegExp, code: string])[] = [
    [/^loader-|^fwd_decl|^kfunc|^invalid|^kconfig|^btf_map_init/, 'OBJECT_UNSUPPORTED'],
    [/^loader-/, 'MAP_CREATE'],
    [/^freplace/, 'USAGE'],
    [/^relocs|^strings/, 'VERIFIER'],
  ];
  let loaded = 0;
  for (const object of foreignObjects('golang-github-cilium-ebpf-dev')) {
    const opened = parseObject(object.bytes, object.name);
    const short = object.name.replace(/^.*\//, '');
    for (const program of opened.spec.programs) {
      const refusal = refusalOf(opened, typed(program));
      if (refusal === undefined) {
        loaded += 1;
        continue;
      }
      if (opened.spec.byteOrder === 'big') {
        assert.equal(refusal.code, 'BYTE_ORDER', `${short}, ${program.name}`);
        continue;
      }
      const isExpected = expected.some(([pattern, code]) => pattern.test(short) && code === refusal.code);
      assert.ok(isExpected, `${short}, ${program.name}: ${refusal.code} ${refusal.message}`);
    }
  }
  assert.ok(loaded >= 30, `${loaded} programs were loaded`);
});
