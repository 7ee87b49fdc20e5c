import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toJson } from './json.js';
import { wantsColors } from './output.js';
import { renderTable } from './table.js';
import { formatBytes, formatCount, formatDuration, formatRate } from './units.js';

test('JSON keeps 64-bit integers exact and writes bytes as hexadecimal', () => {
  const value = {
    big: 2n ** 64n - 1n,
    negative: -5n,
    bytes: Uint8Array.of(0, 255),
    none: undefined,
    list: [1n, undefined],
  };
  assert.equal(toJson(value), '{"big":18446744073709551615,"negative":-5,"bytes":"00ff","list":[1,null]}');
});

test('JSON is otherwise as JSON.stringify has it', () => {
  const nothing: unknown = Number.NaN;
  const value = { a: 'é"\n', b: [true, null, 1.5], c: { d: {} }, e: new Date(0), f: nothing, g: () => 1 };
  assert.equal(toJson(value), JSON.stringify(value));
  assert.equal(toJson(undefined), 'null');
});

test('counts, bytes, rates and durations', () => {
  assert.equal(formatCount(1_234_567n), '1,234,567');
  assert.equal(formatCount(999), '999');
  assert.equal(formatBytes(0), '0 B');
  assert.equal(formatBytes(1536n), '1.54 kB');
  assert.equal(formatBytes(999_999), '1 MB');
  assert.equal(formatRate(1_200_000, 'pkt'), '1.2 Mpkt/s');
  assert.equal(formatRate(12, 'pkt'), '12 pkt/s');
  assert.equal(formatDuration(0.000_123), '123 µs');
  assert.equal(formatDuration(0.0421), '42.1 ms');
  assert.equal(formatDuration(2.71234), '2.71 s');
  assert.equal(formatDuration(75), '1 min 15 s');
  assert.equal(formatDuration(90_000), '1 d 1 h');
});

test('tables are aligned, without trailing blanks', () => {
  const columns = [{ title: 'NAME' }, { title: 'COUNT', align: 'right' }, { title: 'WORDS' }] as const;
  const rows = [
    ['a', '1', 'some words'],
    ['long name', '12345', ''],
  ];
  const expected = 'NAME       COUNT  WORDS\na              1  some words\nlong name  12345\n';
  assert.equal(renderTable(columns, rows), expected);
});

test('a table wraps its widest columns at words into a terminal, and nothing in a pipe', () => {
  const columns = [{ title: 'K' }, { title: 'V' }];
  const rows = [['key', 'one two three four five six seven']];
  assert.equal(renderTable(columns, rows, { width: 25 }), 'K    V\nkey  one two three four\n     five six seven\n');
  assert.equal(renderTable(columns, rows), 'K    V\nkey  one two three four five six seven\n');
  const both = [['one two three four', 'five six seven eight nine']];
  const wrapped = 'K          V\none two    five six\nthree      seven\nfour       eight\n           nine\n';
  assert.equal(renderTable(columns, both, { width: 20 }), wrapped);
});

test('words that are wider than a terminal stay whole', () => {
  const columns = [{ title: 'N', align: 'right' }, { title: 'PIN' }] as const;
  const rows = [
    ['1', 'pin /sys/fs/bpf/a/long/path'],
    ['12', '-'],
  ];
  const expected = ' N  PIN\n 1  pin\n    /sys/fs/bpf/a/long/path\n12  -\n';
  assert.equal(renderTable(columns, rows, { width: 10 }), expected);
});

test('NO_COLOR wins over FORCE_COLOR, which wins over the stream', () => {
  const terminal = { write: () => {}, isTTY: true };
  const pipe = { write: () => {} };
  assert.equal(wantsColors(terminal, {}), true);
  assert.equal(wantsColors(terminal, { NO_COLOR: '1', FORCE_COLOR: '1' }), false);
  assert.equal(wantsColors(terminal, { TERM: 'dumb' }), false);
  assert.equal(wantsColors(pipe, {}), false);
  assert.equal(wantsColors(pipe, { FORCE_COLOR: '1' }), true);
  assert.equal(wantsColors(terminal, { FORCE_COLOR: '0' }), false);
});
