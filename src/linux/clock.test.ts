import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { uptime } from 'node:os';
import { test } from 'node:test';
import { bootTime, realTime } from './clock.js';

test('the clock is that of the machine', () => {
  const before = Date.now();
  const now = Number(realTime() / 1_000_000n);
  assert.ok(before - 1 <= now && now <= Date.now() + 1);
});

test('the machine was started when it says, and at every call at the same time', () => {
  const first = bootTime();
  assert.ok(Math.abs(Date.now() - uptime() * 1000 - first) < 1500);
  for (let calls = 0; calls < 1000; calls += 1) assert.equal(bootTime(), first);
  const code = `import('${new URL('./clock.js', import.meta.url).href}').then(({ bootTime }) => console.log(bootTime()))`;
  const elsewhere = Number(execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' }));
  assert.ok(Math.abs(elsewhere - first) <= 5, `${elsewhere} is not ${first}`);
});
