import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import { fixture } from './fixtures.test.support.js';
import { readObject } from './read.js';
import type { MapSpec, ObjectSpec, Reference } from './spec.js';

function mapOf(spec: ObjectSpec, name: string): MapSpec {
  const map = spec.maps.find((one) => one.name === name);
  assert.ok(map, `map ${name} among ${spec.maps.map((one) => one.name).join(', ')}`);
  return map;
}

/** What a function refers to, with names for indexes. */
function references(spec: ObjectSpec, name: string): string[] {
  const found = spec.functions.find((one) => one.name === name);
  assert.ok(found);
  const shown = (reference: Reference) => {
    switch (reference.kind) {
      case 'call':
      case 'function-address':
        return `${reference.kind} ${spec.functions[reference.function]?.name}`;
      case 'map':
        return `map ${reference.map}`;
      case 'map-value':
        return `${reference.map}+${reference.offset}`;
      case 'extern':
        return `extern ${reference.name}`;
    }
  };
  return found.references.map(shown);
}

test('a small object', () => {
  const bytes = fixture('small');
  const before = new Uint8Array(bytes);
  const spec = readObject(bytes, 'folder/small.bpf.o');
  assert.deepEqual(new Uint8Array(bytes), before, 'the bytes that were read are left as they were');
  assert.equal(spec.name, 'small');
  assert.equal(spec.byteOrder, 'little');
  assert.equal(spec.license, 'GPL');
  assert.equal(spec.kernelVersion, 0);
  assert.deepEqual(spec.programs, [
    {
      name: 'count',
      section: 'xdp',
      function: 0,
      type: 'xdp',
      attachType: 'xdp',
      attachTo: undefined,
      frags: false,
      sleepable: false,
    },
  ]);
  const map = mapOf(spec, 'xdp_stats');
  const { type, typeNumber, keySize, valueSize, maxEntries, flags, pinning, origin } = map;
  assert.deepEqual(
    { type, typeNumber, keySize, valueSize, maxEntries, flags, pinning, origin },
    {
      type: 'percpu_array',
      typeNumber: 6,
      keySize: 4,
      valueSize: 16,
      maxEntries: 5,
      flags: 0,
      pinning: 'none',
      origin: 'btf',
    },
  );
  assert.equal(spec.btf?.nameOf(map.keyType ?? 0), '__u32');
  assert.equal(spec.btf?.nameOf(map.valueType ?? 0), 'struct counter');
  assert.deepEqual(references(spec, 'count'), ['map xdp_stats']);
  assert.deepEqual(readObject(bytes, 'folder/small.bpf.o'), spec, 'the same bytes give the same spec');
});

for (const target of ['bpf', 'bpfeb'] as const) {
  test(`programs, sub-programs and what they refer to (${target})`, () => {
    const spec = readObject(fixture('calls', { target }), 'calls.o');
    assert.equal(spec.byteOrder, target === 'bpf' ? 'little' : 'big');
    assert.equal(spec.license, 'Dual BSD/GPL');
    assert.equal(spec.kernelVersion, 0x060c01);
    assert.deepEqual(
      spec.programs.map(({ name, section, type, attachType, frags }) => [name, section, type, attachType, frags]),
      [
        ['first', 'xdp', 'xdp', 'xdp', false],
        ['second', 'xdp', 'xdp', 'xdp', false],
        ['third', 'xdp.frags', 'xdp', 'xdp', true],
        ['fourth', 'prog_old', undefined, undefined, false],
        ['fifth', 'xdp/devmap', 'xdp', 'xdp_devmap', false],
      ],
    );
    assert.deepEqual(references(spec, 'twice'), ['.data+8']);
    assert.deepEqual(references(spec, 'sum'), ['.bss+0', 'call twice']);
    assert.deepEqual(references(spec, 'beside'), ['.bss+8']);
    assert.deepEqual(references(spec, 'first'), ['.rodata+0', 'call sum', '.rodata+8', 'call beside']);
    assert.deepEqual(references(spec, 'third'), [
      '.data.special+0',
      '.bss+20',
      'function-address each',
      'function-address other_each',
      'call concealed',
    ]);
    for (const { name, typeId, lines } of spec.functions) {
      assert.equal(spec.btf?.type(typeId ?? 0).name, name);
      assert.equal(lines[0]?.at, 0);
      assert.match(spec.btf?.string(lines[0]?.fileNameOffset ?? 0) ?? '', /calls\.bpf\.c$/);
    }
  });
}

test('lines and CO-RE relocations are data as all else: copied, compared and printed', () => {
  const bytes = fixture('calls');
  const untouched = () => readObject(bytes, 'calls.bpf.o').functions;
  const touched = untouched();
  const lines = touched.map((found) => found.lines);
  assert.ok(lines.every((each, index) => each.length > 0 && each === touched[index]?.lines));
  assert.deepEqual(untouched(), touched);
  assert.deepEqual(
    untouched().map((found) => ({ ...found })),
    touched,
  );
  assert.deepEqual(structuredClone(untouched()), touched);
  assert.equal(JSON.stringify(untouched()), JSON.stringify(touched));
});

test('data sections become maps, and variables globals', () => {
  const spec = readObject(fixture('calls'), 'calls.bpf.o');
  const rodata = mapOf(spec, '.rodata');
  const { type, keySize, valueSize, maxEntries, readOnly, origin } = rodata;
  assert.deepEqual(
    { type, keySize, valueSize, maxEntries, readOnly, origin },
    { type: 'array', keySize: 4, valueSize: 37, maxEntries: 1, readOnly: true, origin: 'data' },
  );
  assert.equal(rodata.flags & 0x80, 0x80, 'BPF_F_RDONLY_PROG');
  const initial = rodata.initialValue ?? new Uint8Array(0);
  assert.equal(Buffer.from(initial.subarray(26, 36)).toString(), 'seen on %d');
  assert.deepEqual(mapOf(spec, '.bss').initialValue, new Uint8Array(24));
  assert.equal(mapOf(spec, '.data').readOnly, false);

  const literals = mapOf(spec, '.rodata.str1.1');
  assert.deepEqual([literals.readOnly, literals.valueType], [true, undefined]);
  assert.equal(Buffer.from(literals.initialValue ?? []).toString(), 'again\0');
  assert.deepEqual(references(spec, 'fourth'), ['.rodata+26', '.rodata.str1.1+0']);

  const globals = spec.globals.map(({ name, map, offset, size, constant, type }) => {
    return [name, map, offset, size, constant, spec.btf?.nameOf(type ?? 0)];
  });
  for (const expected of [
    ['limit', '.rodata', 0, 4, true, 'volatile const __u32'],
    ['constants', '.rodata', 8, 16, true, 'volatile const struct pair'],
    ['hidden_constant', '.rodata', 24, 2, true, 'volatile const __u16'],
    ['start', '.data', 0, 8, false, '__u64'],
    ['secret', '.data', 8, 4, false, 'volatile int'],
    ['special', '.data.special', 0, 4, false, '__u32'],
    ['flags', '.bss', 8, 6, false, '__u8[6]'],
  ]) {
    assert.ok(
      globals.some((one) => JSON.stringify(one) === JSON.stringify(expected)),
      JSON.stringify([expected, globals]),
    );
  }
});

test('without debug information programs, data and calls are read all the same', () => {
  const spec = readObject(fixture('calls', { debug: false }), 'calls.bpf.o');
  const full = readObject(fixture('calls'), 'calls.bpf.o');
  assert.equal(spec.btf, undefined);
  assert.deepEqual(spec.programs, full.programs);
  for (const { name } of full.functions) assert.deepEqual(references(spec, name), references(full, name));
  const places = ({ globals }: ObjectSpec) => globals.map(({ name, map, offset }) => `${map} ${offset} ${name}`).sort();
  assert.deepEqual(places(spec), places(full));
  assert.ok(spec.functions.every(({ typeId, lines }) => typeId === undefined && lines.length === 0));
});

test('maps of the old style', () => {
  const spec = readObject(fixture('legacy-maps'), 'legacy-maps.o');
  const shapes = spec.maps
    .filter(({ origin }) => origin === 'legacy')
    .map(({ name, type, keySize, valueSize, maxEntries, flags }) => [
      name,
      type,
      keySize,
      valueSize,
      maxEntries,
      flags,
    ]);
  assert.deepEqual(shapes, [
    ['xdp_stats_map', 'percpu_array', 4, 16, 5, 0],
    ['blocked', 'lpm_trie', 8, 4, 1000, 1],
    ['ports', 'devmap', 4, 4, 64, 0],
  ]);
  assert.equal(spec.btf?.nameOf(mapOf(spec, 'blocked').valueType ?? 0), '__u32');
  assert.deepEqual(references(spec, 'old'), ['map blocked', 'map xdp_stats_map', 'map ports']);
  assert.equal(spec.programs[0]?.type, undefined, 'section "prog" says nothing');
});

test('every field of a map defined by BTF', () => {
  const spec = readObject(fixture('btf-maps'), 'btf-maps.bpf.o');
  const flows = mapOf(spec, 'flows_with_a_name_that_the_kernel_cuts');
  assert.deepEqual([flows.type, flows.maxEntries, flows.flags, flows.numaNode], ['lru_hash', 1 << 20, 6, 0]);
  assert.deepEqual([flows.pinning, flows.keySize, flows.valueSize], ['by-name', 12, 24]);
  assert.equal(spec.btf?.nameOf(flows.keyType ?? 0), 'flow_key');
  assert.equal(spec.btf?.nameOf(flows.valueType ?? 0), '__u64[3]');
  assert.deepEqual([mapOf(spec, 'bloom').mapExtra, mapOf(spec, 'bloom').valueSize], [5n, 8]);
  assert.deepEqual([mapOf(spec, 'events').type, mapOf(spec, 'events').keySize], ['ringbuf', 0]);
  const tables = mapOf(spec, 'tables');
  assert.deepEqual([tables.type, tables.valueSize], ['array_of_maps', 4]);
  const { inner } = tables;
  assert.deepEqual(
    [inner?.name, inner?.type, inner?.keySize, inner?.valueSize, inner?.maxEntries],
    ['tables.inner', 'hash', 4, 6, 16],
  );
  assert.deepEqual([mapOf(spec, 'tails').type, mapOf(spec, 'tails').inner], ['prog_array', undefined]);
});

test('map definitions that cannot be meant are refused by name', () => {
  const read =
    (...defines: string[]) =>
    () =>
      readObject(fixture('btf-maps', { defines }), 'maps.o');
  assert.throws(read('UNKNOWN_FIELD'), { code: 'MALFORMED', message: /map coloured\) has the unknown field colour/ });
  assert.throws(read('CONFLICT'), { code: 'MALFORMED', message: /conflicting\) has a field key of 4 bytes.* 8 bytes/ });
  assert.throws(() => readObject(fixture('btf-maps', { debug: false }), 'maps.o'), {
    code: 'OBJECT_UNSUPPORTED',
    message: /no BTF/,
  });
});

test('externs and CO-RE relocations are read, not refused', () => {
  const spec = readObject(fixture('externs'), 'externs.bpf.o');
  assert.deepEqual(references(spec, 'kernel_function'), ['extern bpf_xdp_metadata_rx_hash']);
  assert.deepEqual(references(spec, 'weak_function'), ['extern not_everywhere']);
  assert.deepEqual(references(spec, 'setting'), ['.kconfig+0']);
  const relocated = spec.functions.find(({ name }) => name === 'relocated');
  assert.equal(relocated?.coreRelocations.length, 1);
  const [relocation] = relocated?.coreRelocations ?? [];
  assert.deepEqual([relocation?.accessString, relocation?.kind], ['0:1', 0]);
  assert.equal(spec.btf?.nameOf(relocation?.type ?? 0), 'struct net_device');
  const types = spec.programs.map(({ name, type, attachType }) => [name, type, attachType]);
  assert.deepEqual(types.slice(3), [
    ['relocated', 'tracing', 'trace_fentry'],
    ['plain', 'tracing', 'trace_raw_tp'],
  ]);
});

test('what is no object is refused with the code of its kind', () => {
  const read = (bytes: Uint8Array) => () => readObject(bytes, 'file.o');
  assert.throws(read(new Uint8Array(100)), { code: 'NOT_ELF' });
  const cut = fixture('small').subarray(0, 3000);
  assert.throws(read(cut), (error) => error instanceof XdpkitError && error.code === 'MALFORMED');
});
