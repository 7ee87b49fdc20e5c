/** Tables and words are whole, and agree with each other and with the header of the kernel, where one is installed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { attachTypes, helpers, mapTypes, programTypes } from '../uapi/bpf.generated.js';
import { helperPrototypes } from '../uapi/releases.generated.js';
import { readHelperTexts } from './helper-text.js';
import { sinceOf } from './since.js';
import { explainVerdicts, listVerdicts } from './verdicts.js';
import { helperWords } from './words/helpers.js';
import { mapWords } from './words/maps.js';
import { programWords } from './words/programs.js';
import { verdictWords } from './words/verdicts.js';

const named = (table: object): string[] => Object.keys(table).filter((name) => name !== 'unspec');

test('every helper, type of maps and type of programs has words, and nothing else has', () => {
  assert.deepEqual(Object.keys(helperWords), named(helpers));
  assert.deepEqual(Object.keys(mapWords), named(mapTypes));
  assert.deepEqual(Object.keys(programWords), named(programTypes));
  assert.deepEqual(Object.keys(helperPrototypes), named(helpers));
  const all = [
    ...Object.values(helperWords),
    ...[...Object.values(mapWords), ...Object.values(programWords), ...verdictWords].map(({ what }) => what),
  ];
  for (const words of all) assert.match(words, /^[A-Z].*[.)]$/, words);
  for (const { programTypes: types } of verdictWords) for (const type of types) assert.ok(type in programTypes, type);
});

test('releases ascend with the numbers', () => {
  const value = (release: string): number => {
    const [major = 0, minor = 0] = release.split('.').map(Number);
    return major * 100 + minor;
  };
  for (const [table, names] of [
    ['helper', named(helpers)],
    ['map', named(mapTypes)],
    ['program', named(programTypes)],
    ['attach', Object.keys(attachTypes)],
  ] as const) {
    const releases = names.map((name) => value(sinceOf(table, name).release));
    assert.deepEqual(
      releases,
      releases.toSorted((left, right) => left - right),
      table,
    );
    assert.ok((releases[0] ?? 0) >= 300);
  }
  // Known from elsewhere: libbpf's and cilium/ebpf's probes, the manual page of bpf(2).
  assert.deepEqual(sinceOf('helper', 'map_lookup_elem'), { release: '3.19', bound: false });
  assert.deepEqual(sinceOf('helper', 'xdp_load_bytes'), { release: '5.18', bound: false });
  assert.deepEqual(sinceOf('map', 'ringbuf'), { release: '5.8', bound: false });
  assert.deepEqual(sinceOf('program', 'xdp'), { release: '4.8', bound: false });
  assert.deepEqual(sinceOf('attach', 'xdp'), { release: '5.9', bound: false });
  assert.deepEqual(sinceOf('attach', 'trace_uprobe_session'), { release: '6.18', bound: true });
});

test('prototypes name their helper, and are what the header of this machine says, but for widths', () => {
  const texts = readHelperTexts(readFileSync('/usr/include/linux/bpf.h', 'utf8'));
  assert.ok(texts.size > 100, String(texts.size));
  // Helpers that returned int are declared with long since 5.8, and some arguments became wider or constant.
  const plain = (text: string): string =>
    text.replace(/\b(const|struct|unsigned)\b|[\s*]/g, '').replace(/\b(s64|u64|long|int)/g, 'n');
  let same = 0;
  for (const [name, prototype] of Object.entries(helperPrototypes)) {
    assert.match(prototype, new RegExp(`^[\\w *]+[ *]bpf_${name}\\(.*\\)$`));
    const text = texts.get(`bpf_${name}`);
    if (text === undefined) continue;
    assert.ok(text.description.length > 0, name);
    if (plain(text.prototype) === plain(prototype)) same += 1;
  }
  assert.ok(same >= texts.size - 20, `${same} of ${texts.size} are the same`);
});

test('the comment of the header is read without its marks', () => {
  const header = [
    '/* Start of BPF helper function descriptions:',
    ' *',
    ' * long bpf_first(struct bpf_map *map,',
    ' *                u64 flags)',
    ' * \tDescription',
    ' * \t\tLook at *map* as **bpf_second**\\',
    ' * \t\t\\ (), or ``NULL``.',
    ' *',
    ' * \t\tAgain.',
    ' * \tReturn',
    ' * \t\t0 on success.',
    ' *',
    ' * void bpf_second(void)',
    ' * \tDescription',
    ' * \t\tNothing.',
    ' */',
  ].join('\n');
  const texts = readHelperTexts(header);
  assert.deepEqual(
    [...texts],
    [
      [
        'bpf_first',
        {
          prototype: 'long bpf_first(struct bpf_map *map, u64 flags)',
          description: ['Look at map as bpf_second(),', 'or NULL.', '', 'Again.'],
          returns: ['0 on success.'],
        },
      ],
      ['bpf_second', { prototype: 'void bpf_second(void)', description: ['Nothing.'], returns: [] }],
    ],
  );
  assert.deepEqual([...readHelperTexts('int main;')], []);
});

test('verdicts by whole name, by its end, and near misses', () => {
  assert.deepEqual(
    explainVerdicts('XDP_TX').map(({ name, number }) => [name, number]),
    [['XDP_TX', 3]],
  );
  assert.deepEqual(
    explainVerdicts('redirect').map(({ name }) => name),
    ['XDP_REDIRECT', 'TC_ACT_REDIRECT', 'BPF_REDIRECT'],
  );
  assert.equal(listVerdicts().length, verdictWords.length);
  assert.throws(() => explainVerdicts('XDP_DORP'), { code: 'USAGE', hint: /XDP_DROP/ });
});
