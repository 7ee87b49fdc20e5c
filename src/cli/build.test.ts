import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runWords } from './run-words.test.support.js';

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-build-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function example(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}/${name}.bpf.c`, import.meta.url));
}

test('one source: the object, and its sections, programs and maps', async () => {
  const output = join(folder, 'one.o');
  const { exitCode, stdout, stderr } = await runWords(['build', example('drop-ping'), '-o', output]);
  assert.equal(exitCode, 0, stderr);
  assert.equal(stderr, '');
  assert.ok(existsSync(output));
  assert.match(stdout, /^PROGRAM +SECTION +TYPE +INSTRUCTIONS\ndrop_ping +xdp +xdp +\d+$/m);
  assert.match(stdout, /^xdp_stats +percpu_array +4 B +16 B +5$/m);
  assert.match(stdout, /^dropped +percpu_array +4 B +16 B +1$/m);
});

test('several sources into a folder that is made for them, as one document', async () => {
  const output = join(folder, 'new folder');
  const words = ['build', '--json', example('drop-ping'), example('pass'), '--output', output];
  const { exitCode, stdout, stderr } = await runWords(words);
  assert.equal(exitCode, 0, stdout);
  assert.equal(stderr, '');
  assert.equal(stdout.split('\n').length, 2, 'one line');
  const { built } = JSON.parse(stdout);
  assert.deepEqual(
    built.map((one: { output: string; programs: { name: string; type: string }[] }) => [
      one.output,
      one.programs.map(({ name, type }) => `${name} ${type}`),
    ]),
    [
      [join(output, 'drop-ping.bpf.o'), ['drop_ping xdp']],
      [join(output, 'pass.bpf.o'), ['pass xdp']],
    ],
  );
  assert.ok(existsSync(join(output, 'pass.bpf.o')));
});

test('two sources of one name cannot go to one folder', async () => {
  const { exitCode, stderr } = await runWords(['build', 'a/x.bpf.c', 'b/x.bpf.c', '-o', folder]);
  assert.equal(exitCode, 2);
  assert.match(stderr, /both be compiled to/);
});

test('an error of the source: the first one, and all of clang’s words with --verbose', async () => {
  const source = join(folder, 'broken.bpf.c');
  writeFileSync(source, 'int f(void) { return x; }\n');
  const short = await runWords(['build', source]);
  assert.equal(short.exitCode, 1);
  assert.match(
    short.stderr,
    /^error: cannot compile .*broken\.bpf\.c:1: use of undeclared identifier 'x'\nhint: --verbose/,
  );
  const long = await runWords(['build', source, '--verbose']);
  assert.match(long.stderr, /int f\(void\) \{ return x; \}/);
});

test('without clang it names the package', async () => {
  const { exitCode, stderr } = await runWords(['build', example('pass'), '-o', join(folder, 'x.o')], {
    environment: { PATH: folder },
  });
  assert.equal(exitCode, 5);
  assert.match(stderr, /^error: clang is not installed.*\nhint: .*apt install clang/);
});

test('macros and include folders reach clang', async () => {
  const source = join(folder, 'macro.bpf.c');
  writeFileSync(source, '#include "h.h"\nint answer = ANSWER + HEADER;\n');
  writeFileSync(join(folder, 'h.h'), '#define HEADER 1\n');
  const { exitCode, stderr } = await runWords(['build', source, '-D', 'ANSWER=41', '-I', folder]);
  assert.equal(exitCode, 0, stderr);
});
