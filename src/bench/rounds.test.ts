import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, spreadOf } from './rounds.js';

test('the spread is the median and the quartiles, whatever the order', () => {
  assert.deepEqual(spreadOf([5, 1, 4, 2, 3]), { median: 3, low: 2, high: 4 });
  assert.deepEqual(spreadOf([4, 1, 3, 2]), { median: 2.5, low: 1.75, high: 3.25 });
  assert.deepEqual(spreadOf([7]), { median: 7, low: 7, high: 7 });
});

test('sides are measured in turns, each goes first as often, and times are those of one call', async () => {
  const order: string[] = [];
  const side = (name: string, nanoseconds: number) => (count: number) => {
    order.push(name);
    return count * nanoseconds;
  };
  const signal = new AbortController().signal;
  const result = await compare(side('ours', 300), side('theirs', 100), { rounds: 4, millisecondsPerRound: 1, signal });
  assert.equal(result.ours, 300);
  assert.equal(result.theirs, 100);
  assert.deepEqual(result.ratio, { median: 3, low: 3, high: 3 });
  const rounds = order.slice(-8).join(' ');
  assert.equal(rounds, 'ours theirs theirs ours ours theirs theirs ours');
});

test('a slow moment that hits both sides of a round does not show in the ratio', async () => {
  let calls = 0;
  const side = (nanoseconds: number) => (count: number) => count * nanoseconds * (calls++ % 4 < 2 ? 1 : 10);
  const signal = new AbortController().signal;
  // Calls of twenty milliseconds need no counting up: warm-up takes two calls a side, then pairs follow.
  const result = await compare(side(4e7), side(2e7), { rounds: 6, millisecondsPerRound: 1, signal });
  assert.deepEqual(result.ratio, { median: 2, low: 2, high: 2 });
});

test('an interruption ends it', async () => {
  const interrupt = new AbortController();
  const side = (count: number) => {
    interrupt.abort();
    return count * 1e6;
  };
  const options = { rounds: 2, millisecondsPerRound: 1, signal: interrupt.signal };
  await assert.rejects(async () => compare(side, side, options), { name: 'AbortError' });
});
