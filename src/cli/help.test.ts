import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Application, type CommandContext, generateHelpTextForAllCommands } from '@stricli/core';
import { application } from './application.js';
import { runWords } from './run-words.test.support.js';

const golden = fileURLToPath(new URL('../../src/cli/testdata/help.txt', import.meta.url));

// Help text needs no context, so any command's context will do.
const helpTexts = generateHelpTextForAllCommands(application as unknown as Application<CommandContext>);

/** `XDPKIT_REMAKE=1 npm test -- help` writes the file anew; the change then shows in the diff. */
test('all help text is as it was seen and found good', async () => {
  const root = await runWords(['--help']);
  const commands = helpTexts.map(([route, text]) => `$ ${route} --help\n${text}`);
  const all = [`$ xdpkit --help\n${root.stdout}`, ...commands].join('\n');
  if (process.env.XDPKIT_REMAKE) writeFileSync(golden, all);
  assert.equal(all, readFileSync(golden, 'utf8'));
});

test('every command documents each flag and takes the common ones', () => {
  for (const [route, text] of helpTexts) {
    for (const flag of ['--json', '--verbose', '--quiet', '--help'])
      assert.ok(text.includes(flag), `${route}: ${flag}`);
  }
});

test('help lines fit a terminal of 130 columns', () => {
  for (const [route, text] of helpTexts) {
    const long = text.split('\n').filter((line) => line.length > 130);
    assert.deepEqual(long, [], route);
  }
});
