import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearNames } from './near-names.js';

test('names that may be meant, the nearest first', () => {
  const members = ['__state', 'stack', 'usage', 'flags', 'ptrace', 'on_cpu', 'start_time', 'start_boottime', ''];
  assert.deepEqual(nearNames('state', members), ['__state']);
  assert.deepEqual(nearNames('real_start_time', members), ['start_time']);
  assert.deepEqual(nearNames('flag', members), ['flags']);
  assert.deepEqual(nearNames('oncpu', members), ['on_cpu']);
  assert.deepEqual(nearNames('nothing_like_it', members), []);
  assert.deepEqual(nearNames('', members), []);
  assert.deepEqual(nearNames('x'.repeat(10_000), ['x'.repeat(9_999)]).length, 1);
});

test('few letters apart first, then longer and shorter ones', () => {
  const names = ['do_exit', 'do_exec', 'x', '', 'kthread_do_exit', 'do_exi', 'unrelated'];
  assert.deepEqual(nearNames('do_exi', names), ['do_exit', 'kthread_do_exit']);
  assert.deepEqual(nearNames('do_exite', names, 1), ['do_exit']);
  assert.deepEqual(nearNames('zzz', names), []);
});
