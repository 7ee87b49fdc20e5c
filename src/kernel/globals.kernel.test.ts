/** Global variables of every shape and section: set before the load, read and written by programs, read back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openText } from '../object/compile-text.test.support.js';
import { bpftool, refusalOf } from './kernel-state.test.support.js';
import { runProgram } from './test-run.js';

const shapes = `
enum state { IDLE, BUSY = 5 };
typedef void *place;
struct point { __s16 x; __u8 flags : 3, rest : 5; struct { __u64 y; }; };
union both { __u32 word; unsigned char bytes[4]; };
`;
const variables: readonly (readonly [declaration: string, name: string, value: unknown, read?: unknown])[] = [
  ['_Bool on', 'on', true],
  ['enum state state', 'state', 'BUSY', 5],
  ['char text[8]', 'text', 'abc'],
  ['unsigned char mac[6]', 'mac', Uint8Array.of(1, 2, 3, 4, 5, 6)],
  ['float single', 'single', 0.5],
  ['double ratio', 'ratio', -1e300],
  ['unsigned __int128 huge', 'huge', new Uint8Array(16).fill(7)],
  [
    '__s32 grid[2][2]',
    'grid',
    [
      [1, -2],
      [3, 4],
    ],
  ],
  [
    'struct point points[2]',
    'points',
    [
      { x: -1, flags: 5, rest: 31, y: 2n ** 63n },
      { x: 1, flags: 0, rest: 0, y: 0n },
    ],
  ],
  ['union both both', 'both', { word: 0x04030201 }, { word: 0x04030201, bytes: Uint8Array.of(1, 2, 3, 4) }],
  ['place pointer', 'pointer', 0xffff_8881_0000_0000n],
  ['__be32 address', 'address', 0x0a000001],
  ['__u64 limit', 'limit', 5n],
];

/** The sections that a global variable can be in, as a declaration begins there. */
const sections = {
  '.rodata': 'const volatile',
  '.rodata.named': 'SEC(".rodata.named") const volatile',
  '.data': '',
  '.data.named': 'SEC(".data.named")',
  '.bss': '',
} as const;

for (const [section, prefix] of Object.entries(sections)) {
  test(`variables of every shape in ${section}`, () => {
    // In .data a variable must not be zero, in .bss it must; in named sections it may.
    const initial = section === '.data' ? ' = {1}' : section === '.bss' ? '' : ' = {0}';
    const declarations = variables.map(([declaration]) => `${prefix} ${declaration}${initial};`).join('\n');
    const uses = variables.map(([, name]) => `sum += *(volatile unsigned char *)&${name};`).join(' ');
    const opened = openText(`${shapes}\n${declarations}
      SEC("xdp") int sum_all(struct xdp_md *c) { int sum = 0; ${uses} return sum & 0xff; }`);
    assert.deepEqual(
      opened.spec.maps.map(({ name }) => name),
      [section],
    );
    const constant = section.startsWith('.rodata');
    for (const [, name, value] of variables) if (constant) opened.globals[name] = value as never;
    using loaded = opened.load();
    const { globals } = loaded;
    for (const [, name, value, read = value] of variables) {
      if (!constant) globals[name] = value as never;
      assert.deepEqual(globals[name], read, name);
      if (constant) {
        assert.match(
          refusalOf(() => {
            globals[name] = value as never;
          }),
          /^READ_ONLY: /,
        );
      }
    }
    assert.deepEqual(Object.keys(globals).sort(), variables.map(([, name]) => name).sort());
    // The program sees the first byte of each: of what was written through the memory map, or before the load.
    const held = loaded.map(section).getBytes(new Uint8Array(4)) ?? assert.fail('no value');
    const expected = opened.spec.globals.reduce((sum, { offset }) => sum + (held[offset] as number), 0) & 0xff;
    assert.equal(runProgram(loaded.program('sum_all'), { data: new Uint8Array(64) }).verdict, expected);
    assert.ok(expected !== 0);
    const shown = bpftool('map', 'show', 'id', String(loaded.map(section).info().id)) as { frozen: number };
    assert.equal(shown.frozen, constant ? 1 : 0);
  });
}

test('a map that stands for a data section holds its variables', () => {
  const object = openText(`
    __u32 counter; const volatile __u32 step = 3;
    SEC("xdp") int count(struct xdp_md *context) { counter += step; return 2; }`);
  object.globals.step = 5;
  using before = object.load();
  const maps = new Map([['.bss', before.map('.bss')]]);
  using loaded = object.load({ maps });
  runProgram(loaded.program('count'), { data: new Uint8Array(64) });
  assert.equal(loaded.globals.counter, 5);
  loaded.globals.counter = 7;
  assert.equal(before.globals.counter, 7);
  object.globals.step = 1;
  using constants = object.load({ maps: new Map([['.rodata', before.map('.rodata')]]) });
  assert.equal(constants.globals.step, 5);
  assert.match(
    refusalOf(() => {
      constants.globals.step = 1;
    }),
    /^READ_ONLY: /,
  );
  const other = openText('__u64 many[4]; SEC("xdp") int p(struct xdp_md *context) { return many[0] + 1; }');
  assert.equal(
    refusalOf(() => other.load({ maps })),
    'PIN_MISMATCH: map ".bss" cannot stand for ".bss", an array of 32 bytes: it is of type array with values of 4 bytes',
  );
});
