import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** A profiler's timer signals the thread while the verifier works, which then answers EAGAIN. */
test('programs load under a profiler', () => {
  const folder = mkdtempSync(join(tmpdir(), 'xdpkit-profile-'));
  try {
    const open = new URL('./open.js', import.meta.url).href;
    const object = fileURLToPath(new URL('../bpf/drop-ping.bpf.o', import.meta.url));
    const script = `
      import { openObject } from ${JSON.stringify(open)};
      const object = await openObject(${JSON.stringify(object)});
      for (let count = 0; count < 300; count += 1) object.load()[Symbol.dispose]();
    `;
    const profiler = ['--cpu-prof', '--cpu-prof-interval=2000', `--cpu-prof-dir=${folder}`];
    const words = [...profiler, '--input-type=module', '--eval', script];
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    assert.equal(status, 0, stderr.slice(0, 2000));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
