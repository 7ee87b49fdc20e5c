import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../doctor/finding.js';
import { runWithCapabilities } from '../kernel/capabilities.test.support.js';
import { runWords } from './run-words.test.support.js';

test('doctor prints every finding under its group, and one sentence at the end', async () => {
  const { exitCode, stdout, stderr } = await runWords(['doctor']);
  assert.equal(exitCode, 0, stdout);
  assert.equal(stderr, '');
  assert.ok(!stdout.includes('\u001b'));
  const { stdout: json } = await runWords(['doctor', '--json']);
  const { findings, verdict } = JSON.parse(json) as { findings: Finding[]; verdict: { sentence: string } };
  const lines = stdout.split('\n');
  for (const { group, item } of findings) {
    assert.ok(lines.includes(group), group);
    assert.ok(
      lines.some((line) => new RegExp(`^ {2}[✓!✗?+] ${item} `).test(line)),
      item,
    );
  }
  assert.equal(lines.at(-2), verdict.sentence);
  const starts = lines.flatMap((line) => /^ {2}[✓!✗?+] .*? {2,}(?=\S)/.exec(line)?.[0].length ?? []);
  assert.equal(new Set(starts).size, 1, 'what was found stands in one column');
});

test('without privileges doctor ends with exit code 4 and says whose want it is', () => {
  const { exitCode, stdout } = runWithCapabilities(
    [],
    import.meta.url,
    `const { runWords } = await import('./run-words.test.support.js');
     console.log(JSON.stringify(await runWords(['doctor'])));`,
  ) as { exitCode: number; stdout: string };
  assert.equal(exitCode, 4);
  assert.match(stdout, /\n✗ xdpkit is not permitted to do its work here: CAP_BPF .*CAP_NET_ADMIN .*\n$/);
});
