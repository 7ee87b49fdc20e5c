/** What the sanitiser makes is taken by the running kernel, which knows all kinds, and has none of the kinds. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadBtf } from '../kernel/kernel-btf.js';
import { compileText } from '../object/compile-text.test.support.js';
import { readObject } from '../object/read.js';
import { readBtf } from './btf.js';
import { extendBtf } from './extend.js';
import { kindNumbers } from './kinds.js';
import { type BtfFeature, btfFeatures, btfFeaturesOf, sanitizeBtf } from './sanitize.js';

const source = `
#define tag(x) __attribute__((btf_decl_tag(x)))
#define type_tag(x) __attribute__((btf_type_tag(x)))
enum signed_one { MINUS = -1, PLUS = 1 };
enum plain { ONE = 1 };
struct parts { float real; double wide; enum signed_one one; int type_tag("user") *pointer; int tagged tag("exception_callback:x"); };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, __u32); __type(value, struct parts); } m SEC(".maps");
int variable tag("of_variable");
static int (*callback)(int, ...);
enum plain plain = ONE;
const volatile int constant = 3;
__attribute__((noinline)) int global_function(int a) { return a + constant; }
static __attribute__((noinline)) int static_function(int a) { return a + variable + (callback != 0); }
SEC("xdp") int p(struct xdp_md *c) {
  __u32 key = 0;
  struct parts *found = bpf_map_lookup_elem(&m, &key);
  return global_function(static_function(found ? found->tagged : 1)) + plain;
}`;

/** With an enum64, which no clang before 15 makes, and a float for the case that the compiler left it out. */
function typesOfAllKinds() {
  const { btf } = readObject(compileText(source), 'x.bpf.o');
  assert.ok(btf);
  const strings = 'float64\0wide\0BIG\0LOW\0';
  const offsetOf = (start: number, name: string) => start + strings.indexOf(name);
  const { bytes } = extendBtf(btf, strings, (start) => [
    ...[offsetOf(start, 'float64'), kindNumbers.float << 24, 8],
    ...[offsetOf(start, 'wide'), ((kindNumbers.enum64 << 24) | 2 | (1 << 31)) >>> 0, 8],
    ...[offsetOf(start, 'BIG'), 5, 1, offsetOf(start, 'LOW'), 0xffff_ffff, 0xffff_ffff],
  ]);
  return readBtf(bytes, 'all kinds');
}

/** A tag of a variable goes with the variables. */
const kindsOf: Readonly<Record<BtfFeature, readonly (keyof typeof kindNumbers)[]>> = {
  functions: ['function', 'function-prototype'],
  sections: ['variable', 'section', 'declaration-tag'],
  'global-functions': [],
  floats: ['float'],
  'declaration-tags': ['declaration-tag'],
  'type-tags': ['type-tag'],
  enum64: ['enum64'],
};

const all = typesOfAllKinds();

test('the types make use of all that kernels learnt', () => {
  assert.deepEqual(btfFeaturesOf(all), new Set(btfFeatures));
});

function check(absent: ReadonlySet<BtfFeature>): void {
  const sanitized = sanitizeBtf(all, absent);
  const used = btfFeaturesOf(sanitized);
  for (const feature of absent) {
    assert.ok(!used.has(feature), `${feature} of ${[...absent]}`);
    for (const kind of kindsOf[feature]) assert.deepEqual([...sanitized.idsOf(kind)], [], kind);
  }
  const kept = all.count;
  for (let id = 1; id < kept; id++) {
    const [before, after] = [all.kind(id), sanitized.kind(id)];
    const replaced = [...absent].some((feature) => kindsOf[feature].includes(before));
    if (!replaced) assert.equal(after, before, `type ${id}`);
    if (before === after && before !== 'function' && before !== 'enum')
      assert.deepEqual(sanitized.type(id), all.type(id));
    // What has a size keeps it, but variables: one byte fits wherever they did.
    const type = all.type(id);
    if ('size' in type && !replaced) assert.equal(sanitized.sizeOf(id), all.sizeOf(id));
    if (before === 'float' || before === 'enum64' || before === 'section') {
      const now = sanitized.type(id);
      assert.ok('size' in type && 'size' in now && now.size === type.size, `size of type ${id}, ${before}`);
    }
  }
  loadBtf(sanitized.bytes, `without ${[...absent]}`).close();
}

for (const feature of btfFeatures) test(`types for kernels without ${feature}`, () => check(new Set([feature])));

test('types for kernels without any set of features', () => {
  for (let set = 0; set < 1 << btfFeatures.length; set++) {
    check(new Set(btfFeatures.filter((_, bit) => (set >> bit) & 1)));
  }
});

test('enumerators become members, variables of sections members of structs', () => {
  const sanitized = sanitizeBtf(all, new Set(['enum64', 'sections']));
  const wide = sanitized.type(all.find('enum64', 'wide') ?? 0);
  assert.ok(wide.kind === 'union');
  assert.deepEqual(
    wide.members.map(({ name }) => name),
    ['BIG', 'LOW'],
  );
  const constants = sanitized.type(all.find('section', '.rodata') ?? 0);
  assert.ok(constants.kind === 'struct');
  assert.equal(constants.name, '');
  assert.deepEqual(
    constants.members.map(({ name, bitOffset }) => [name, bitOffset]),
    [['constant', 0]],
  );
});

test('Debian’s objects too, as for the oldest kernels', () => {
  const folder = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/bpf`;
  const files = readdirSync(folder).filter((name) => name.endsWith('.o'));
  assert.ok(files.length > 0);
  for (const file of files) {
    const { btf } = readObject(readFileSync(`${folder}/${file}`), file);
    if (btf) loadBtf(sanitizeBtf(btf, new Set(btfFeatures)).bytes, file).close();
  }
});

test('both byte orders are sanitised alike', () => {
  const [little, big] = (['bpf', 'bpfeb'] as const).map((target) => {
    const { btf } = readObject(compileText(source, { target }), 'x.bpf.o');
    assert.ok(btf);
    const sanitized = sanitizeBtf(btf, new Set(btfFeatures));
    return Array.from({ length: sanitized.count }, (_, id) => sanitized.type(id));
  });
  assert.deepEqual(big, little);
});
