/** What libbpf loads of other projects' objects into the running kernel is loaded here too; the rest is explained. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { after, test } from 'node:test';
import type { Btf } from '../btf/btf.js';
import { XdpkitError } from '../errors/error.js';
import { OpenedObject, parseObject } from '../loader/open.js';
import { type ForeignObject, foreignObjects } from '../object/foreign.test.support.js';
import { isLoadedByLibbpf } from '../object/libbpf.test.support.js';
import { readObject } from '../object/read.js';
import type { ProgramSpec } from '../object/spec.js';
import type { ProgramChoice } from './choose-programs.js';
import { uniqueName } from './kernel-state.test.support.js';
import { runProgram } from './test-run.js';

const pins = `/sys/fs/bpf/${uniqueName()}`;
after(() => rmSync(pins, { recursive: true, force: true }));

/** Undefined where it loads. Pins are taken back each time. */
function refusalOf(object: OpenedObject, choice: string | ProgramChoice, kernelBtf?: Btf): XdpkitError | undefined {
  rmSync(pins, { recursive: true, force: true });
  mkdirSync(pins);
  try {
    using loaded = object.load({ programs: [choice], pinFolder: pins, kernelBtf });
    const [program] = loaded.programs.values();
    assert.ok(program);
    if (kernelBtf) assert.equal(runProgram(program, { data: new Uint8Array(64) }).verdict, 0, program.name);
    return undefined;
  } catch (error) {
    if (error instanceof XdpkitError) return error;
    throw error;
  }
}

/** Refusals that are the kernel's, or for want of what only the object's own application gives. */
const explained = new Set([
  'UNSUPPORTED',
  'TARGET_NOT_FOUND',
  'EXTERN_UNRESOLVED',
  'CORE_RELOCATION',
  'VERIFIER',
  'MAP_CREATE',
]);

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

/** Old-style definitions cannot tell the shape of inner maps: as cilium/ebpf's own test does it. */
function withInnerMap(object: OpenedObject): OpenedObject {
  const { spec } = object;
  const inner = spec.maps.find(({ name }) => name === 'hash_map');
  const maps = spec.maps.map((map) => (map.name === 'array_of_hash_map' ? { ...map, inner } : map));
  return new OpenedObject({ ...spec, maps });
}

test("cilium/ebpf's: every program of this machine's byte order, but for what its tests add themselves", () => {
  const expected: readonly (readonly [program: RegExp, code: string])[] = [
    // A symbol that the test puts a number in the place of.
    [/^loader-.*asm_relocation$|^fwd_decl/, 'EXTERN_UNRESOLVED'],
    [/^freplace.*replacement$/, 'USAGE'],
    // Its licence is MIT.
    [/^strings/, 'VERIFIER'],
    [/^relocs.*err_ambiguous/, 'CORE_RELOCATION'],
  ];
  const objects = foreignObjects('golang-github-cilium-ebpf-dev');
  const targets = new Map(
    objects.map(({ name, bytes }) => [name.replace(/^.*\//, ''), readObject(bytes, name).btf] as const),
  );
  let loaded = 0;
  for (const object of objects) {
    const opened = withInnerMap(parseObject(object.bytes, object.name));
    const short = object.name.replace(/^.*\//, '');
    // Its CO-RE tests are relocated against types of their own, and return the line of the first wrong answer.
    const kernelBtf = /^relocs/.test(short) ? targets.get(short.replace('_read-', '_read_tgt-')) : undefined;
    for (const program of opened.spec.programs) {
      const refusal = refusalOf(opened, typed(program), kernelBtf);
      if (refusal === undefined) {
        loaded += 1;
        continue;
      }
      if (opened.spec.byteOrder === 'big') {
        assert.equal(refusal.code, 'BYTE_ORDER', `${short}, ${program.name}`);
        continue;
      }
      const isExpected = expected.some(
        ([pattern, code]) => pattern.test(`${short} ${program.name}`) && code === refusal.code,
      );
      assert.ok(isExpected, `${short}, ${program.name}: ${refusal.code} ${refusal.message}`);
    }
  }
  assert.ok(loaded >= 25, `${loaded} programs were loaded`);
});
