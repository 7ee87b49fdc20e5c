import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearNames } from './near-names.js';

test('names near a name: few letters apart first, then longer and shorter ones', () => {
  const names = ['do_exit', 'do_exec', 'x', '', 'kthread_do_exit', 'do_exi', 'unrelated'];
  assert.deepEqual(nearNames('do_exi', names), ['do_exit', 'kthread_do_exit']);
  assert.deepEqual(nearNames('do_exite', names, 1), ['do_exit']);
  assert.deepEqual(nearNames('zzz', names), []);
});
