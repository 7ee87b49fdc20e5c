/** Objects that other projects ship: Debian's xdp-tools and libxdp. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { linkProgram } from './link.js';
import { readObject } from './read.js';

const folder = ['x86_64', 'aarch64'].map((one) => `/usr/lib/${one}-linux-gnu/bpf/`).find((one) => existsSync(one));
const skip = folder === undefined ? 'the Debian package xdp-tools is not installed' : false;
const read = (file: string) => readObject(readFileSync(`${folder}${file}`), file);
const shape = (map: { name: string; type: string; keySize: number; valueSize: number; maxEntries: number }) => {
  return [map.name, map.type, map.keySize, map.valueSize, map.maxEntries].join(' ');
};

test('every object is read, and its XDP programs are linked', { skip }, () => {
  const files = readdirSync(folder ?? '').filter((file) => file.endsWith('.o'));
  assert.ok(files.length > 0);
  for (const file of files) {
    const spec = read(file);
    assert.ok(spec.programs.length > 0, file);
    assert.equal(spec.license, 'GPL', file);
    for (const program of spec.programs.filter(({ type }) => type === 'xdp')) {
      const linked = linkProgram(spec, program);
      assert.ok(linked.code.length > 0 && linked.functionInfo.length > 0 && linked.lineInfo.length > 0, file);
    }
  }
});

test("libxdp's dispatcher: ten sub-programs and its configuration", { skip }, () => {
  const spec = read('xdp-dispatcher.o');
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

test('xdp-filter: pinned maps with types', { skip }, () => {
  const spec = read('xdpfilt_alw_all.o');
  assert.deepEqual(spec.maps.map(shape).toSorted(), [
    'filter_ethernet percpu_hash 6 8 10000',
    'filter_ipv4 percpu_hash 4 8 10000',
    'filter_ipv6 percpu_hash 16 8 10000',
    'filter_ports percpu_array 4 8 65536',
    'xdp_stats_map percpu_array 4 16 5',
  ]);
  assert.ok(spec.maps.every(({ pinning }) => pinning === 'by-name'));
  const stats = spec.maps.find(({ name }) => name === 'xdp_stats_map');
  assert.equal(spec.btf?.nameOf(stats?.valueType ?? 0), 'struct xdp_stats_record');
});

test('xdpdump depends on kernel types: said at link, not at read', { skip }, () => {
  const spec = read('xdpdump_bpf.o');
  const [entry] = spec.programs;
  assert.ok(entry);
  assert.equal(entry.attachType, 'trace_fentry');
  assert.throws(() => linkProgram(spec, entry), { code: 'OBJECT_UNSUPPORTED', message: /struct xdp_buff/ });
});
