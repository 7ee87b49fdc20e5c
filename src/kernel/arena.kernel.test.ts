import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelOlderThan } from '../linux/kernel-release.js';
import { parseObject } from '../loader/open.js';
import { compileText } from '../object/compile-text.test.support.js';
import { runProgram } from './test-run.js';

const skip = kernelOlderThan('6.9') && 'arenas came with Linux 6.9';

/** Only newer compilers know address spaces; their version 4 of the instruction set casts between them. */
const source = (pages: number, more: string) => `
#define __arena __attribute__((address_space(1)))
struct { __uint(type, BPF_MAP_TYPE_ARENA); __uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, ${pages}); ${more} } shared SEC(".maps");
int __arena counter = 5;
int __arena others[3] = { 0, 0, 7 };

SEC("socket") int bump(struct __sk_buff *context) {
  if (!&shared) return 0;
  others[1] += counter++;
  return others[1] + others[2];
}
`;
const definitions = '#define BPF_MAP_TYPE_ARENA 33\n#define BPF_F_MMAPABLE (1 << 10)\n';

function open(pages: number, more = '') {
  return parseObject(
    compileText(definitions + source(pages, more), { compiler: 'clang-19', cpu: 'v4' }),
    'arena.bpf.o',
  );
}

test('variables of an arena are read as contents of its map, and live between runs', { skip }, () => {
  const object = open(4);
  const map = object.spec.maps.find(({ name }) => name === 'shared');
  assert.deepEqual([map?.type, map?.origin, map?.initialValue?.length], ['arena', 'btf', 16]);
  using loaded = object.load();
  const run = () => runProgram(loaded.program('bump'), { data: new Uint8Array(64) }).verdict;
  assert.deepEqual([run(), run(), run()], [5 + 7, 5 + 6 + 7, 5 + 6 + 7 + 7]);
});

test('each load has an arena of its own', { skip }, () => {
  const object = open(1);
  for (let index = 0; index < 2; index++) {
    using loaded = object.load();
    assert.equal(runProgram(loaded.program('bump'), { data: new Uint8Array(64) }).verdict, 12);
  }
});

test('an arena at an address of its own choice', { skip }, () => {
  const object = open(2, 'enum { address = 1ull << 44 } map_extra;');
  assert.equal(object.spec.maps.find(({ name }) => name === 'shared')?.mapExtra, 1n << 44n);
  using loaded = object.load();
  assert.equal(runProgram(loaded.program('bump'), { data: new Uint8Array(64) }).verdict, 12);
});

test('an arena that is smaller than its variables', { skip }, () => {
  assert.throws(() => open(0).load(), { code: 'MAP_CREATE' });
});
