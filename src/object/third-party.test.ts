/** Objects that other projects ship are read as their own loaders read them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disassemble } from '../asm/disassemble.js';
import { decodeInstructions, encodeInstructions } from '../asm/instruction.js';
import { attachTypes, mapTypes, programTypes } from '../uapi/bpf.generated.js';
import { type ForeignObject, foreignObjects } from './foreign.test.support.js';
import { type OpenedByLibbpf, openByLibbpf } from './libbpf.test.support.js';
import { linkProgram } from './link.js';
import { readObject } from './read.js';
import type { MapSpec, ObjectSpec } from './spec.js';

const read = ({ name, bytes }: ForeignObject): ObjectSpec => readObject(bytes, name);

/** Every instruction survives decoding and encoding, and has words. */
function checkCode(spec: ObjectSpec): number {
  const littleEndian = spec.byteOrder === 'little';
  let count = 0;
  for (const { name, code } of spec.functions) {
    const instructions = decodeInstructions(code, littleEndian);
    assert.deepEqual(encodeInstructions(instructions, littleEndian), new Uint8Array(code), name);
    for (const instruction of instructions) {
      const text = disassemble(instruction);
      assert.match(text, /^\([0-9a-f]{2}\) /);
      // Calls that only the kernel can name are numbered; nothing else is unknown.
      assert.doesNotMatch(text, /\) unknown/, `${spec.name} ${name}`);
    }
    count += instructions.length;
  }
  return count;
}

/** The names that libbpf cuts and prefixes are those of data sections. */
function comparable(map: MapSpec): boolean {
  return map.origin === 'btf';
}

/** Whether libbpf could open the object too, with which all is then compared. */
function compareWithLibbpf(object: ForeignObject, spec: ObjectSpec): boolean {
  const theirs = openByLibbpf(object.path);
  if (theirs === undefined) return false;
  const ours = spec.programs.map(({ name, section, function: index }) => ({
    name,
    section,
    instructions: (spec.functions[index]?.code.length ?? 0) / 8,
  }));
  const order = (left: { name: string }, right: { name: string }) => (left.name < right.name ? -1 : 1);
  assert.deepEqual(
    ours.toSorted(order),
    theirs.programs.map(({ name, section, instructions }) => ({ name, section, instructions })).toSorted(order),
    object.name,
  );
  for (const { name, type, attachType } of theirs.programs) {
    const program = spec.programs.find((each) => each.name === name);
    // 0: a section that libbpf 1.x has no entry for.
    if (type === 0) continue;
    assert.equal((programTypes as Record<string, number>)[program?.type ?? ''], type, `${object.name}, ${name}`);
    const number = program?.attachType ? (attachTypes as Record<string, number>)[program.attachType] : 0;
    assert.equal(number, attachType, `${object.name}, ${name}`);
  }
  for (const map of spec.maps.filter(comparable)) {
    const { name, typeNumber: type, keySize, valueSize, maxEntries } = map;
    const found: OpenedByLibbpf['maps'][number] | undefined = theirs.maps.find((each) => each.name === name);
    assert.ok(found, `${object.name}: libbpf has no map ${name}`);
    // One entry for each CPU is settled at load here, and at open there.
    const theirEntries: number = type === mapTypes.perf_event_array && maxEntries === 0 ? 0 : found.maxEntries;
    assert.deepEqual(
      { name, type, keySize, valueSize, maxEntries },
      { ...found, maxEntries: theirEntries },
      object.name,
    );
  }
  return true;
}

test('libbpf-tools: programs with CO-RE of every kind, as libbpf opens them', () => {
  const objects = foreignObjects('libbpf-tools');
  assert.ok(objects.length > 40);
  let instructions = 0;
  for (const object of objects) {
    const spec = read(object);
    assert.ok(compareWithLibbpf(object, spec), `libbpf refuses ${object.name}`);
    assert.ok(
      spec.programs.every(({ type }) => type !== undefined),
      object.name,
    );
    instructions += checkCode(spec);
  }
  assert.ok(instructions > 10_000, String(instructions));
});

test('libxdp and xdp-tools: files, and objects inside of executables', () => {
  const objects = foreignObjects('xdp-tools');
  assert.ok(objects.length > 20);
  for (const object of objects) {
    const spec = read(object);
    assert.ok(compareWithLibbpf(object, spec), `libbpf refuses ${object.name}`);
    assert.ok(spec.programs.length > 0 && checkCode(spec) > 0, object.name);
    assert.equal(spec.license, 'GPL', object.name);
  }
});

test('cilium/ebpf’s own test objects, by three compilers and in both byte orders', () => {
  const objects = foreignObjects('golang-github-cilium-ebpf-dev');
  const shapes = new Map<string, unknown>();
  let opened = 0;
  for (const object of objects) {
    const spec = read(object);
    const [, stem, order] = /([^/]+)-(e[bl])\.elf$/.exec(object.name) ?? [];
    if (stem === undefined) continue;
    assert.equal(spec.byteOrder, order === 'el' ? 'little' : 'big', object.name);
    checkCode(spec);
    if (order === 'el' && compareWithLibbpf(object, spec)) opened += 1;
    // The two byte orders are one source.
    const shape = {
      programs: spec.programs,
      maps: spec.maps.map(({ name, type, keySize, valueSize, maxEntries }) => ({
        name,
        type,
        keySize,
        valueSize,
        maxEntries,
      })),
      references: spec.functions.map(({ name, references }) => [name, references]),
    };
    if (!shapes.has(stem)) shapes.set(stem, shape);
    else assert.deepEqual(shape, shapes.get(stem), stem);
  }
  assert.ok(shapes.size > 15 && opened > 5, `${shapes.size} ${opened}`);
});

test('opensnitch and suricata: maps of the old style, which libbpf no longer opens', () => {
  const objects = [...foreignObjects('opensnitch-ebpf-modules'), ...foreignObjects('suricata')];
  for (const object of objects) {
    const spec = read(object);
    assert.ok(checkCode(spec) > 0, object.name);
    assert.deepEqual(spec.remarks, [], object.name);
    const legacy = spec.maps.filter(({ origin }) => origin === 'legacy');
    if (legacy.length > 0) assert.equal(openByLibbpf(object.path), undefined, object.name);
    // Nothing of them depends on the kernel.
    for (const program of spec.programs) assert.ok(linkProgram(spec, program).code.length > 0, object.name);
  }
  const shapes = objects.flatMap((object) =>
    read(object).maps.map((map) => [object.name, map.name, map.type].join(' ')),
  );
  for (const expected of [
    'opensnitch-ebpf-modules/opensnitch.o tcpMap hash',
    'suricata/xdp_filter.bpf flow_table_v4 percpu_hash',
    'suricata/xdp_filter.bpf cpu_map cpumap',
  ])
    assert.ok(shapes.includes(expected), `${expected} in ${shapes.join('\n')}`);
});

test("libxdp's dispatcher: ten sub-programs and its configuration", () => {
  const spec = readFrom('xdp-dispatcher.o');
  const dispatcher = spec.programs.find(({ name }) => name === 'xdp_dispatcher');
  assert.ok(dispatcher);
  const linked = linkProgram(spec, dispatcher);
  const names = Array.from({ length: linked.functionInfo.length / 8 }, (_, index) => {
    const type = new DataView(linked.functionInfo.buffer).getUint32(index * 8 + 4, true);
    return spec.btf?.type(type).name ?? '';
  });
  assert.deepEqual(names.toSorted(), [
    'compat_test',
    ...Array.from({ length: 10 }, (_, at) => `prog${at}`),
    'xdp_dispatcher',
  ]);
  assert.deepEqual(new Set(linked.maps.map(({ map }) => map)), new Set(['.rodata']));
  assert.ok(spec.globals.some(({ name, map }) => name === 'conf' && map === '.rodata'));
});

test('xdp-filter: pinned maps with types', () => {
  const spec = readFrom('xdpfilt_alw_all.o');
  assert.ok(spec.maps.every(({ pinning }) => pinning === 'by-name'));
  const stats = spec.maps.find(({ name }) => name === 'xdp_stats_map');
  assert.equal(spec.btf?.nameOf(stats?.valueType ?? 0), 'struct xdp_stats_record');
});

test('xdpdump depends on kernel types: said at link, not at read', () => {
  const spec = readFrom('xdpdump_bpf.o');
  const [entry] = spec.programs;
  assert.ok(entry);
  assert.deepEqual([entry.attachType, entry.attachTo], ['trace_fentry', 'func']);
  assert.throws(() => linkProgram(spec, entry), { code: 'OBJECT_UNSUPPORTED', message: /struct xdp_buff/ });
});

function readFrom(file: string): ObjectSpec {
  const object = foreignObjects('xdp-tools').find(({ name }) => name === `xdp-tools/${file}`);
  assert.ok(object, file);
  return read(object);
}
