/** Objects as they would be loaded on older kernels: this one takes all of it, and is told nothing that those lack. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assemble, call, exit, loadImmediate64 } from '../asm/assemble.js';
import { openText } from '../object/compile-text.test.support.js';
import { withOldProbeReads } from '../object/old-helpers.js';
import { helpers } from '../uapi/bpf.generated.js';
import { readKernelBtf } from './kernel-btf.js';
import { Fallbacks, type LoadFeatureName, type LoadFeatures, loadFeatures, loadFeaturesOf } from './load-features.js';
import { runProgram } from './test-run.js';

const source = `
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64); } m SEC(".maps");
struct with_float { double wide; } shown;
const volatile int constant = 2;
int variable = 1;
__attribute__((noinline)) int global_function(struct xdp_md *c) { return c ? constant : 0; }
SEC("xdp") int p(struct xdp_md *c) {
  __u32 key = variable;
  __u64 value = 5;
  bpf_map_update_elem(&m, &key, &value, 0);
  return global_function(c);
}
SEC("tracepoint/xdp/xdp_exception") int reads(void *c) {
  char byte = 0;
  bpf_probe_read_kernel(&byte, 1, c);
  return byte;
}`;

/** The running kernel, but for some features. */
function without(...names: readonly LoadFeatureName[]): LoadFeatures {
  const reason = 'the test says so';
  const entries = names.map((name) => [
    name,
    { ...loadFeatures[name], probe: () => ({ available: false, because: 'absent', reason }) },
  ]);
  return { ...loadFeatures, ...Object.fromEntries(entries) };
}

test('the running kernel does without nothing', () => {
  using loaded = openText(source).load();
  assert.deepEqual(loaded.degraded, []);
});

test('every feature is found by its probe on a kernel that has it', () => {
  for (const [name, { since, probe }] of Object.entries(loadFeatures)) {
    if (!new Fallbacks(undefined).mayLack(name as LoadFeatureName))
      assert.deepEqual(probe(), { available: true }, `${name}, ${since}`);
  }
});

for (const release of ['5.2', '5.4', '5.10', '5.15', '6.1']) {
  test(`as for Linux ${release}: what was done without is told, and all works`, () => {
    const object = openText(source);
    using loaded = object.load({ features: loadFeaturesOf(release) });
    const names = loaded.degraded.map(({ name }) => name);
    const expected = Object.entries(loadFeatures)
      .filter(
        ([, { since }]) =>
          Number(since.split('.')[0]) * 100 + Number(since.split('.')[1]) >
          Number(release.split('.')[0]) * 100 + Number(release.split('.')[1]),
      )
      .map(([name]) => name)
      // The object has neither tags nor enums of 64 bits.
      .filter((name) => !/Tags|Enum64/.test(name));
    assert.deepEqual(names.sort(), expected.sort());
    for (const { what, why, since } of loaded.degraded) {
      assert.ok(what.length > 10);
      assert.equal(why, `Linux ${since} brought it, and ${release} is asked for`);
    }
    const program = loaded.program('p');
    assert.equal(runProgram(program, { data: new Uint8Array(64) }).verdict, 2);
    assert.equal(loaded.globals.variable, 1);
    loaded.globals.variable = 3;
    assert.equal(runProgram(program, { data: new Uint8Array(64) }).verdict, 2);
    assert.deepEqual([...loaded.map('m').keys()].sort(), [1, 3]);
    const types = readKernelBtf(program.info().btfId);
    assert.ok(types);
    if (names.includes('btfFloats')) assert.deepEqual([...types.idsOf('float')], []);
    const mapped = loaded.map('.data').fd;
    assert.equal(mapped > 0, true);
  });
}

const cases: readonly [LoadFeatureName, (loaded: ReturnType<ReturnType<typeof openText>['load']>) => void][] = [
  ['objectNames', (loaded) => assert.equal(loaded.program('p').info().name, '')],
  ['btf', (loaded) => assert.equal(loaded.program('p').info().btfId, 0)],
  ['btfFunctions', (loaded) => assert.equal(loaded.program('p').info().btfId, 0)],
  ['expectedAttachType', (loaded) => assert.ok(loaded.program('p').id > 0)],
  ['mappableArrays', (loaded) => assert.equal(loaded.globals.variable, 1)],
];

for (const [name, check] of cases) {
  test(`without ${name}`, () => {
    using loaded = openText(source).load({ features: without(name) });
    check(loaded);
    const { since, instead } = loadFeatures[name];
    assert.deepEqual(loaded.degraded, [{ name, what: instead, why: 'the test says so', since }]);
    assert.equal(runProgram(loaded.program('p'), { data: new Uint8Array(64) }).verdict, 2);
  });
}

test('without global data, programs that use none load, and others say what they lack', () => {
  const object = openText(`int variable; SEC("xdp") int uses(struct xdp_md *c) { return variable; }
    SEC("xdp") int plain(struct xdp_md *c) { return 2; }`);
  const features = without('globalData');
  using loaded = object.load({ programs: ['plain'], features });
  assert.deepEqual([...loaded.maps.keys()], []);
  assert.throws(() => object.load({ features }), {
    code: 'UNSUPPORTED',
    message: /^x uses variables of \.(bss|data): the test says so$/,
  });
});

test('without bpf_probe_read_kernel the older helper is called', () => {
  using loaded = openText(source).load({ programs: ['reads'], features: without('probeReadKernel') });
  assert.deepEqual(
    loaded.degraded.map(({ name }) => name),
    ['probeReadKernel'],
  );
  const code = assemble(
    loadImmediate64(1, 0x0000_0071_0000_0085n),
    call(helpers.probe_read_user_str),
    { ...call(helpers.probe_read_kernel), source: 1 },
    exit(),
  );
  const changed = withOldProbeReads(code, true);
  const expected = code.slice();
  expected[16 + 4] = helpers.probe_read_str;
  assert.deepEqual(changed, expected, 'only calls of helpers, and no half of a 64-bit load');
  assert.equal(withOldProbeReads(assemble(call(helpers.map_lookup_elem), exit()), true), undefined);
});
