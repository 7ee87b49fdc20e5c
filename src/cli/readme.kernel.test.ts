/** What the README shows is run here as it stands there, in a lab and with pins of random names. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { labDown, labUp, sweepLabs } from '../lab/index.js';
import { refusalKinds } from '../verifier/diagnose.js';
import { blocksOf, root, runCommand, runTypeScript } from './document.test.support.js';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
// Inside of the package, so that `import 'xdpkit'` finds it as it is for users.
mkdirSync(join(root, 'build'), { recursive: true });
const folder = mkdtempSync(join(root, 'build', 'readme-'));
const labName = `readme-${folder.slice(-6).toLowerCase()}`;

sweepLabs();
after(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(`/sys/fs/bpf/${labName}-drop_ping`, { force: true });
});

/** The fenced blocks of a language, with the names of lab and pins exchanged. */
function blocks(language: string): string[] {
  return blocksOf(readme, language).map((text) =>
    text
      .replaceAll(/\bdemo(?=-left|-right| |$)/gm, labName)
      .replaceAll('/sys/fs/bpf/drop_ping', `/sys/fs/bpf/${labName}-drop_ping`),
  );
}

test('the commands by hand', () => {
  const sessions = blocks('sh');
  assert.equal(sessions.length, 2);
  try {
    for (const line of sessions.join('').trim().split('\n')) {
      const [command = '', comment = ''] = line.split(/\s+# /);
      runCommand(command, folder, Number(/exit code (\d+)/.exec(comment)?.[1] ?? 0));
    }
  } finally {
    spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), 'lab', 'down', labName]);
  }
});

test('the refused program is answered as it is said', () => {
  const [source] = blocks('c');
  const said = blocks('').find((text) => text.includes('refuses'));
  assert(source !== undefined && said !== undefined);
  writeFileSync(join(folder, 'careless.bpf.c'), source);
  const [build = '', verify = ''] = (/^`(xdpkit build careless.*?)`/m.exec(readme)?.[1] ?? '').split(' && ');
  runCommand(build, folder);
  const answer = runCommand(verify, folder, 6);
  // The time's width is that of its column.
  const words = (text: string) => withoutNumbers(text).map((line) => line.replace(/ +/g, ' ').replace(/… µ?m?s$/, '…'));
  assert.deepEqual(words(answer), words(said));
  assert.match(readme, new RegExp(`\\b${refusalKinds.length} kinds of verifier refusals`));
});

test('the TypeScript example compiles and runs', () => {
  const [example] = blocks('ts');
  assert(example !== undefined);
  const lines = example
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '');
  assert(lines.length <= 10, 'the README promises a short example');
  const lab = labUp({ name: labName });
  try {
    const printed = runTypeScript(example.replace('drop-ping.bpf.o', join(root, 'dist/bpf/drop-ping.bpf.o')), folder);
    assert.match(printed, /^veth0: program \d+ in native mode\nABORTED 0n\nDROP 0n\nPASS \d+n\nTX 0n\nREDIRECT 0n\n$/);
  } finally {
    lab.close();
    labDown(labName);
  }
});

test("the demo's transcript is what the demo prints", () => {
  const transcript = blocks('').find((text) => text.includes('steps held'));
  assert(transcript !== undefined);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), 'demo'], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  assert.equal(status, 0, stdout + stderr);
  assert.deepEqual(withoutNumbers(stdout), withoutNumbers(transcript));
});

/** Names, ids, times and releases are of each run; addresses stay. */
function withoutNumbers(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .map((line) =>
      line
        .replace(/\(Linux [^)]*\)/, '(Linux …)')
        .replace(/\blab-[0-9a-f]+/g, 'lab-…')
        .replace(/\b\d+(\.\d+)? (µs|ms|s)\b/g, '… $2')
        .replace(/\b\d+ (dropped|answered)\b/g, '… $1')
        .replace(/\(\d+\)/g, '(…)'),
    );
}
