import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runWords } from './run-words.test.support.js';

const main = fileURLToPath(new URL('./main.js', import.meta.url));
const manifest: { version: string } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

test('--version prints the version of the package', async () => {
  const { exitCode, stdout, stderr } = await runWords(['--version']);
  assert.deepEqual({ exitCode, stdout, stderr }, { exitCode: 0, stdout: `${manifest.version}\n`, stderr: '' });
});

test('without words it prints its help', async () => {
  const { exitCode, stdout } = await runWords([]);
  assert.equal(exitCode, 0);
  assert.match(stdout, /COMMANDS/);
});

test('a misspelt command is wrong usage, and the near one is offered', async () => {
  const { exitCode, stdout, stderr } = await runWords(['bulid']);
  assert.equal(exitCode, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /^error: there is no command 'bulid', did you mean `build`\?\nhint: `xdpkit --help`/);
});

test('wrong flags and missing words are wrong usage, and point to the help of their command', async () => {
  for (const words of [['build'], ['build', '--nonsense', 'x.c'], ['build', '--output']]) {
    const { exitCode, stderr } = await runWords(words);
    assert.equal(exitCode, 2, words.join(' '));
    assert.match(stderr, /^error: .+\nhint: `xdpkit build --help`/s, words.join(' '));
  }
});

test('a flag of a few words names them', async () => {
  const { exitCode, stderr } = await runWords(['attach', 'x.o', '--dev', 'veth0', '--mode', 'fast']);
  assert.equal(exitCode, 2);
  assert.match(stderr, /^error: --mode is one of auto, native, generic, offload, not 'fast'\n/);
});

test('with --json wrong usage is a document on stdout', async () => {
  const { exitCode, stdout, stderr } = await runWords(['build', '--json', '--nonsense']);
  assert.equal(exitCode, 2);
  assert.equal(stderr, '');
  const { error } = JSON.parse(stdout);
  assert.equal(error.code, 'USAGE');
  assert.match(error.hint, /build --help/);
});

test('as a process: results on stdout, exit codes of their kind', () => {
  assert.equal(execFileSync(process.execPath, [main, '--version'], { encoding: 'utf8' }), `${manifest.version}\n`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'build', '/no/such.c'], { encoding: 'utf8' });
  assert.equal(status, 3);
  assert.equal(stdout, '');
  assert.match(stderr, /^error: cannot compile '\/no\/such\.c': there is no such file\n$/);
});

test('a reader that has seen enough is no error', () => {
  const command = `"${process.execPath}" "${main}" --help | true; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.equal(stdout, '0\n');
});
