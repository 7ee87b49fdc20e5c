import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { openText } from '../object/compile-text.test.support.js';
import { keepMaps } from './keep-maps.js';
import { runProgram } from './test-run.js';

const array = (name: string, entries = 1) =>
  `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, ${entries}); __type(key, __u32); __type(value, __u32); } ${name} SEC(".maps");`;
const uses = (name: string) => `hit = (void *)bpf_map_lookup_elem(&${name}, &key); if (hit) ++*hit;`;

/** A program that counts in each of the maps, and in a global variable. */
function objectOf(definitions: readonly string[], names: readonly string[]) {
  return openText(`${definitions.join('\n')}
__u32 runs;
SEC("xdp") int count(struct xdp_md *context) {
	__u32 key = 0, *hit;
	runs++;
	${names.map(uses).join('\n\t')}
	return 2;
}`);
}

const run = (program: Parameters<typeof runProgram>[0]) => runProgram(program, { data: new Uint8Array(64) });
const descriptors = () => readdirSync('/proc/self/fd').length;

test('maps of the same name and shape go on with their contents; data sections do not', () => {
  const object = objectOf([array('hits'), array('grown', 2)], ['hits', 'grown']);
  using old = object.load();
  run(old.program('count'));
  const next = objectOf([array('hits'), array('grown', 3), array('fresh')], ['hits', 'grown', 'fresh']);
  using kept = keepMaps(next.spec, old.program('count').id);
  assert.deepEqual([...kept.maps.keys()], ['hits']);
  assert.deepEqual(kept.refused, [{ name: 'grown', reason: 'max entries is 2, the object asks for 3' }]);
  using loaded = next.load({ maps: kept.maps });
  run(loaded.program('count'));
  assert.equal(loaded.map<number, number>('hits').get(0), 2);
  assert.equal(loaded.map<number, number>('grown').get(0), 1);
  assert.equal(loaded.globals.runs, 1);
  assert.equal(old.globals.runs, 1);
});

test('a value of the same size with other fields is not read as what it is not', () => {
  const counters = (fields: string) => `struct counters { ${fields} };
    struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32);
             __type(value, struct counters); } hits SEC(".maps");`;
  const object = (fields: string) => objectOf([counters(fields)], ['hits']);
  using old = object('__u32 packets; __u32 bytes;').load();
  using kept = keepMaps(object('__u32 bytes; __u32 packets;').spec, old.program('count').id);
  assert.deepEqual([...kept.maps.keys()], []);
  assert.deepEqual(kept.refused, [
    { name: 'hits', reason: 'its value differs from the object\'s: field "packets" stands where "bytes" should be' },
  ]);
  using same = keepMaps(object('__u32 packets; __u32 bytes;').spec, old.program('count').id);
  assert.deepEqual([...same.maps.keys()], ['hits']);
});

const [longA, longB] = ['a_name_that_is_cut_a', 'a_name_that_is_cut_b'];

test('a long name is kept where it is the only one of its beginning', () => {
  const object = objectOf([array(longA)], [longA]);
  using old = object.load();
  run(old.program('count'));
  using kept = keepMaps(object.spec, old.program('count').id);
  assert.equal(kept.maps.get(longA)?.name, longA);
  assert.equal(kept.maps.get(longA)?.get(0), 1);
});

test('names that the kernel cannot tell apart are not kept, in the object or in the program', () => {
  const both = objectOf([array(longA), array(longB)], [longA, longB]);
  const one = objectOf([array(longA)], [longA]);
  using oldBoth = both.load();
  using oldOne = one.load();
  const before = descriptors();
  for (const [next, old, names] of [
    [both, oldBoth, [longA, longB]],
    [both, oldOne, [longA, longB]],
    [one, oldBoth, [longA]],
  ] as const) {
    using kept = keepMaps(next.spec, old.program('count').id);
    assert.deepEqual([...kept.maps.keys()], []);
    assert.deepEqual(
      kept.refused.map(({ name }) => name),
      names,
    );
    for (const { reason } of kept.refused) {
      assert.match(reason, /names are the same in the kernel, which cuts them at 15 bytes: "a_name_that_is_"/);
    }
  }
  assert.equal(descriptors(), before, 'no descriptor is left open');
});

test('a program that is gone', () => {
  const object = objectOf([], []);
  assert.throws(() => keepMaps(object.spec, 0x7fff_fff0), {
    code: 'ATTACH_CHANGED',
    message: 'program 2147483632 is gone',
  });
});
