import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Epoll, waitReadable } from './readiness.js';
import { mustCall, systemCall } from './syscalls.js';

/** A descriptor that can be read once it was written to. */
const makeEvent = () => mustCall('eventfd2', 'make an event', [0, 0]);
const write = (fd: number) => systemCall('write', fd, new Uint8Array(new BigUint64Array([1n]).buffer), 8);

test('each of many waits ends by its own descriptor, also through an epoll of several', async () => {
  const fds = Array.from({ length: 100 }, makeEvent);
  using group = new Epoll();
  for (const fd of fds) group.add(fd);
  const order: number[] = [];
  const waits = fds.map(async (fd, index) => {
    assert.equal(await waitReadable([fd], {}), true);
    order.push(index);
  });
  const any = waitReadable([group.fd], {});
  write(fds[42] as number);
  assert.equal(await any, true);
  await waits[42];
  assert.deepEqual(order, [42]);
  for (const fd of fds) write(fd);
  await Promise.all(waits);
  assert.equal(order.length, 100);
  for (const fd of fds) systemCall('close', fd);
});

test('a descriptor that is closed meanwhile ends nothing and harms nothing', async () => {
  const fd = makeEvent();
  const waiters = new Set<(ready: boolean) => void>();
  const wait = waitReadable([fd], {}, [waiters]);
  systemCall('close', fd);
  for (const tell of waiters) tell(false);
  assert.equal(await wait, false);
  assert.equal(waiters.size, 0);
});

test('a file cannot be waited for, and the error says so', async () => {
  const fd = mustCall('openat', 'open a file', [-100, new TextEncoder().encode('/proc/self/exe\0'), 0]);
  await assert.rejects(waitReadable([fd], {}), { message: /^wait for a descriptor: / });
  systemCall('close', fd);
});

for (const [end, words] of [
  ['process.exit', 'process.exit(3)'],
  ['an error that nobody catches', 'throw new Error("meant")'],
] as const) {
  test(`a process that waits can end by ${end}`, () => {
    const script = `
      import { waitReadable } from ${JSON.stringify(new URL('./readiness.js', import.meta.url).href)};
      import { mustCall } from ${JSON.stringify(new URL('./syscalls.js', import.meta.url).href)};
      void waitReadable([mustCall('eventfd2', 'make an event', [0, 0])], {});
      setTimeout(() => { ${words} }, 50);`;
    const { status, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
    assert.deepEqual([status, signal], [end === 'process.exit' ? 3 : 1, null]);
  });
}
