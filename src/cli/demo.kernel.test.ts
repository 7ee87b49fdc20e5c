/** The demo as a process: its documents, its exit codes, and that nothing is left of it whenever it is interrupted. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { compileBpf } from '../compile/compile.js';
import { netnsPinFolder } from '../xdp/own-pins.js';
import { scratch } from '../xdp/real.test.support.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const main = join(root, 'dist/cli/main.js');
const labs = '/run/xdpkit/labs';

/** What a demo has made, as far as it has come: looked at while it runs, to look again when it has ended. */
class Watch {
  readonly #known = new Set(namesIn(labs));
  readonly #pid: number;
  readonly made = new Map<string, string[]>();

  constructor(pid: number | undefined) {
    this.#pid = pid ?? assert.fail('it did not start');
  }

  look(): void {
    for (const file of namesIn(labs)) {
      if (this.#known.has(file) || !file.endsWith('.json')) continue;
      try {
        const { name, maker, namespaces } = JSON.parse(readFileSync(join(labs, file), 'utf8'));
        // Other tests make labs at the same time.
        if (maker.pid !== this.#pid) continue;
        const cookies = Object.values(namespaces as Record<string, { cookie: string }>).map(({ cookie }) => cookie);
        this.made.set(name, cookies);
      } catch (error) {
        if (!(error instanceof SyntaxError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }

  assertNothingLeft(): void {
    for (const [name, cookies] of this.made) {
      assert.ok(!existsSync(join(labs, `${name}.json`)), name);
      for (const side of ['left', 'right']) assert.ok(!existsSync(`/run/netns/${name}-${side}`), name);
      for (const cookie of cookies) assert.ok(!existsSync(netnsPinFolder(BigInt(cookie))), cookie);
    }
  }
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

test('a document a step, each of which holds', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'demo', '--json'], { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, ''], stdout);
  const steps = stdout.trim().split('\n');
  steps.forEach((line, index) => {
    const { step, title, holds, seen, missed } = JSON.parse(line);
    assert.deepEqual([step, holds, missed], [index + 1, true, []]);
    assert.ok(title.length > 0 && seen.length > 0);
  });
  assert.equal(steps.length, 13);
});

test('Ctrl-C at any moment leaves nothing behind', async () => {
  // Two in each second of its life; the first ones while it still makes its lab.
  const moments = [90, 130, 170, 300, 700, 1300, 2200, 2800, 3300].map((moment) => moment + Math.random() * 100);
  let interrupted = 0;
  await Promise.all(
    [0, 1].map(async (lane) => {
      for (const moment of moments.filter((_, index) => index % 2 === lane)) {
        const child = spawn(process.execPath, [main, 'demo'], { stdio: ['ignore', 'pipe', 'pipe'] });
        const said = Promise.all([child.stdout.toArray(), child.stderr.toArray()]);
        const watch = new Watch(child.pid);
        const exited = once(child, 'exit');
        const end = performance.now() + moment;
        while (performance.now() < end && child.exitCode === null) {
          await sleep(5);
          watch.look();
        }
        child.kill('SIGINT');
        const [status, signal] = await exited;
        watch.look();
        const [stdout, stderr] = (await said).map((parts) => parts.join(''));
        watch.assertNothingLeft();
        // Before it listens for signals it has made nothing.
        if (signal === 'SIGINT') assert.deepEqual([watch.made.size, stdout], [0, '']);
        else assert.deepEqual([status, stderr], [130, ''], `after ${moment} ms: ${stdout}`);
        if (watch.made.size > 0) interrupted += 1;
      }
    }),
  );
  assert.ok(interrupted >= 4, `only ${interrupted} had begun`);
});

test('output that cannot be written ends it in a sentence, and leaves nothing', async () => {
  const child = spawn('sh', ['-c', `exec ${process.execPath} ${main} demo > /dev/full`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said = child.stderr.toArray();
  const watch = new Watch(child.pid);
  while (child.exitCode === null) {
    await sleep(5);
    watch.look();
  }
  assert.equal(child.exitCode, 1);
  assert.match((await said).join(''), /^error: the output cannot be written: ENOSPC.*\n$/);
  assert.equal(watch.made.size, 1);
  watch.assertNothingLeft();
  const atTheEnd = spawnSync('sh', ['-c', `${process.execPath} ${main} --version > /dev/full`], { encoding: 'utf8' });
  assert.deepEqual([atTheEnd.status, atTheEnd.stderr.match(/\n/g)?.length], [1, 1], atTheEnd.stderr);
});

test('a step that does not hold ends it with 7, says which, and leaves nothing', async () => {
  // A copy of the package whose drop-ping drops nothing.
  const folder = mkdtempSync(join(scratch, 'broken-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['dist', 'package.json']) {
    cpSync(join(root, name), join(folder, name), { recursive: true, filter: (path) => !/\.(map|d\.ts)$/.test(path) });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const example = join(root, 'examples/drop-ping/drop-ping.bpf.c');
  const source = join(folder, 'examples/drop-ping/drop-ping.bpf.c');
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
  const text = readFileSync(example, 'utf8');
  writeFileSync(source, text.replaceAll('count_verdict(ctx, XDP_DROP)', 'count_verdict(ctx, XDP_PASS)'));
  await compileBpf({ source, output: join(folder, 'dist/bpf/drop-ping.bpf.o') });

  const child = spawn(process.execPath, [join(folder, 'dist/cli/main.js'), 'demo'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = Promise.all([child.stdout.toArray(), child.stderr.toArray()]);
  const watch = new Watch(child.pid);
  const exited = once(child, 'exit');
  while (child.exitCode === null) {
    await sleep(10);
    watch.look();
  }
  await exited;
  const [stdout = '', stderr = ''] = (await said).map((parts) => parts.join(''));
  assert.equal(child.exitCode, 7, stdout + stderr);
  assert.match(stdout, /^✗ ping is not answered\n( {4}.*\n)+$/m);
  assert.match(stderr, /^error: step 4, "ping is not answered": .*5 of 5 answered/);
  assert.equal(watch.made.size, 1);
  watch.assertNothingLeft();
});
