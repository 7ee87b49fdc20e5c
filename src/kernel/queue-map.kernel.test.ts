import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openText } from '../object/compile-text.test.support.js';
import { refusalOf, uniqueName } from './kernel-state.test.support.js';
import { QueueMap } from './queue-map.js';

interface Counter {
  readonly packets: bigint;
  readonly errors: number;
}

const name = uniqueName();
const object = openText(`
struct counter { __u64 packets; __u32 errors; };
struct { __uint(type, BPF_MAP_TYPE_QUEUE); __uint(max_entries, 2); __type(value, struct counter); } q${name} SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK); __uint(max_entries, 2); __type(value, struct counter); } s${name} SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 2); __type(key, __u32); __type(value, __u32); }
	a${name} SEC(".maps");
`);
const of = (packets: bigint): Counter => ({ packets, errors: 1 });

test('a queue gives the first first, a stack the last, in the shape of the object', () => {
  using loaded = object.load();
  for (const [letter, order] of [
    ['q', [1n, 2n]],
    ['s', [2n, 1n]],
  ] as const) {
    const queue = new QueueMap(loaded.map<never, Counter>(`${letter}${name}`));
    assert.equal(queue.pop(), undefined);
    assert.equal(queue.peek(), undefined);
    queue.push(of(1n));
    queue.push(of(2n));
    assert.match(
      refusalOf(() => queue.push(of(3n))),
      new RegExp(`^MAP_FULL: push to map "${letter}${name}": it is full \\((queue|stack) of 2 entries\\)$`),
    );
    assert.deepEqual(queue.peek(), of(order[0]));
    assert.deepEqual([queue.pop(), queue.pop(), queue.pop()], [of(order[0]), of(order[1]), undefined]);
  }
});

test('a full queue gives up its oldest where that is asked for', () => {
  using loaded = object.load();
  const queue = new QueueMap(loaded.map<never, Counter>(`q${name}`));
  for (const packets of [1n, 2n, 3n]) queue.push(of(packets), { replaceOldest: true });
  assert.deepEqual([queue.pop(), queue.pop(), queue.pop()], [of(2n), of(3n), undefined]);
});

test('values of another shape, other maps and closed ones are refused', () => {
  const loaded = object.load();
  const queue = new QueueMap(loaded.map<never, Counter>(`q${name}`));
  assert.match(
    refusalOf(() => queue.push({ packets: 1n } as Counter)),
    /^VALUE_SHAPE: value of map "q.*field "errors" is missing/,
  );
  assert.match(
    refusalOf(() => new QueueMap(loaded.map<never>(`a${name}`))),
    /^USAGE: map "a.* is of type array: only queues/,
  );
  loaded[Symbol.dispose]();
  assert.match(
    refusalOf(() => queue.pop()),
    /^CLOSED: /,
  );
});
