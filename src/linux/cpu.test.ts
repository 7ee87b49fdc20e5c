import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import { parseCapabilities } from './capabilities.js';
import { parseCpuList } from './cpu.js';

test('CPU lists', () => {
  const lists: [string, number[]][] = [
    ['0\n', [0]],
    ['0-3\n', [0, 1, 2, 3]],
    ['0,2-3\n', [0, 2, 3]],
    ['0-1,8-9,4', [0, 1, 4, 8, 9]],
    ['2-2', [2]],
    ['\n', []],
  ];
  for (const [text, cpus] of lists) assert.deepEqual(parseCpuList(text), cpus, text);
});

test('what is no CPU list is refused', () => {
  for (const text of ['a', '0-', '-1', '3-1', '0,,1', '0-3-5', '0x1', '99999999']) {
    assert.throws(
      () => parseCpuList(text),
      (error) => error instanceof XdpkitError && error.code === 'MALFORMED',
      text,
    );
  }
});

test('capabilities of a mask', () => {
  assert.deepEqual([...parseCapabilities('0000000000000000')], []);
  assert.deepEqual([...parseCapabilities('000000c000001000')], ['net_admin', 'perfmon', 'bpf']);
  assert.equal(parseCapabilities('ffffffffffffffff').size, 41);
});
