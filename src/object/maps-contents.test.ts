import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openText } from './compile-text.test.support.js';

const inner = `struct inner { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); };
struct inner first SEC(".maps"), second SEC(".maps");
static struct inner hidden SEC(".maps");`;
const array = (name: string, kind: string, values: string, filled: string): string => `struct {
  __uint(type, BPF_MAP_TYPE_${kind}); __uint(max_entries, 8); __uint(key_size, 4); __array(values, ${values});
} ${name} SEC(".maps") = { .values = { ${filled} } };`;

const contentsOf = (source: string) =>
  Object.fromEntries(openText(source).spec.maps.map(({ name, contents }) => [name, contents]));

test('what a definition fills its map with is data of the spec, by index and name', () => {
  const contents = contentsOf(`${inner}
int one(struct xdp_md *), two(struct xdp_md *);
${array('tables', 'ARRAY_OF_MAPS', 'struct inner', '[5] = (void *)&second, [0] = (void *)&first, [2] = (void *)&hidden')}
${array('named', 'HASH_OF_MAPS', 'struct inner', '[3] = (void *)&first')}
${array('tails', 'PROG_ARRAY', 'int (struct xdp_md *)', '[1] = (void *)&one, [7] = (void *)&two, [0] = (void *)&two')}
${array('empty', 'ARRAY_OF_MAPS', 'struct inner', '')}
SEC("xdp") int one(struct xdp_md *c) { return 1; }
SEC("xdp") int two(struct xdp_md *c) { bpf_tail_call(c, &tails, 1); return 2; }`);
  assert.deepEqual(contents, {
    first: [],
    second: [],
    hidden: [],
    tables: [
      { index: 0, map: 'first' },
      { index: 2, map: 'hidden' },
      { index: 5, map: 'second' },
    ],
    named: [{ index: 3, map: 'first' }],
    tails: [
      { index: 0, program: 'two' },
      { index: 1, program: 'one' },
      { index: 7, program: 'two' },
    ],
    empty: [],
  });
});

test('contents that cannot be meant are refused by name', () => {
  const refused = (source: string, message: RegExp) =>
    assert.throws(() => openText(`${inner}\n${source}\nSEC("xdp") int p(void *c) { return 2; }`), {
      code: 'MALFORMED',
      message,
    });
  refused(
    `__attribute__((noinline)) int sub(struct xdp_md *c) { return 1; }
    ${array('tails', 'PROG_ARRAY', 'int (struct xdp_md *)', '[0] = (void *)&sub')}`,
    /section \.maps, offset 0x[0-9a-f]+: map tails is filled with sub, which is no program$/,
  );
  refused(
    `int variable = 3; ${array('tables', 'ARRAY_OF_MAPS', 'struct inner', '[0] = (void *)&variable')}`,
    /map tables is filled with variable, which is no map of \.maps$/,
  );
  refused(
    `int function(void *c); ${array('tables', 'ARRAY_OF_MAPS', 'struct inner', '[0] = (void *)&function')}
    SEC("xdp") int function(void *c) { return 1; }`,
    /map tables is filled with function, which is no map of \.maps$/,
  );
  refused(
    array('tails', 'PROG_ARRAY', 'struct inner', ''),
    /is an array of programs with "values" that are no functions/,
  );
  refused(array('plain', 'ARRAY', 'struct inner', ''), /has "values", which only maps of maps or programs have/);
  const wide = array('named', 'HASH_OF_MAPS', 'struct inner', '[3] = (void *)&first');
  refused(
    wide.replace('key_size, 4', 'key_size, 8'),
    /map named is filled by index, and its keys have 8 bytes, not 4$/,
  );
});
