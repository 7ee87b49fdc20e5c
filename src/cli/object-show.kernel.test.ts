import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { compileText } from '../object/compile-text.test.support.js';
import { runWords } from './run-words.test.support.js';

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-check-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const good = 'SEC("xdp") int good(struct xdp_md *ctx) { return XDP_PASS; }';
const bad = 'SEC("xdp") int bad(struct xdp_md *ctx) { return *(__u8 *)(long)ctx->data; }';

function written(name: string, source: string, target: 'bpf' | 'bpfeb' = 'bpf'): string {
  const path = join(folder, name);
  writeFileSync(path, compileText(source, { target }));
  return path;
}

test('--check asks the verifier about the programs of each object', async () => {
  const paths = [written('good.o', good), written('both.o', `${good}\n${bad}`)];
  const { exitCode, stdout } = await runWords(['object', 'show', ...paths, '--check', '--json']);
  assert.equal(exitCode, 6);
  const answers = JSON.parse(stdout).objects.map(({ verified }: { verified: { name: string; accepted: boolean }[] }) =>
    verified.map(({ name, accepted }) => [name, accepted]),
  );
  const both = [
    ['good', true],
    ['bad', false],
  ];
  assert.deepEqual(answers, [[['good', true]], both]);
  const text = await runWords(['object', 'show', paths[0] as string, '--check']);
  assert.equal(text.exitCode, 0, text.stderr);
  assert.match(text.stdout, /^good +xdp +accepts +\d+/m);
});

test('--check of the other byte order is refused with a sentence, after the object is shown', async () => {
  const { exitCode, stdout, stderr } = await runWords(['object', 'show', written('big.o', good, 'bpfeb'), '--check']);
  assert.equal(exitCode, 5);
  assert.match(stdout, /big-endian BPF/);
  assert.match(stderr, /compiled for big-endian machines, unlike this/);
});
