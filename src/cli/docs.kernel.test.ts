/** The pages under docs/ are run as they stand there, in labs and with pins of random names. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { labDown, listLabs, sweepLabs } from '../lab/index.js';
import { blocksOf, root, runCommand, runTypeScript } from './document.test.support.js';

// Inside of the package, so that `import 'xdpkit'` finds it as it is for users.
mkdirSync(join(root, 'build'), { recursive: true });
const folder = mkdtempSync(join(root, 'build', 'docs-'));
const unique = `docs-${folder.slice(-6).toLowerCase()}`;
const pins = ['hello', 'again', 'ports', 'nets', 'jobs'];

sweepLabs();
after(() => {
  rmSync(folder, { recursive: true, force: true });
  for (const pin of pins) rmSync(`/sys/fs/bpf/${unique}-${pin}`, { force: true });
  if (listLabs().some(({ name }) => name === unique)) labDown(unique);
});

test('the library: its snippets compile, run, and print what they say', () => {
  const page = readFileSync(join(root, 'docs/library.md'), 'utf8');
  for (const source of blocksOf(page, 'c')) {
    const name = /^\/\* (\S+\.bpf\.c) \*\//.exec(source)?.[1];
    assert(name !== undefined, 'a C program tells its name in its first line');
    writeFileSync(join(folder, name), source);
  }
  const module = blocksOf(page, 'ts').join('\n');
  const printed = runTypeScript(module, folder).split('\n');
  const said = [...module.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text = '']) => text);
  assert.ok(said.length >= 4);
  for (const line of said) {
    const at = printed.indexOf(line);
    assert.notEqual(at, -1, `${line} is not in\n${printed.join('\n')}`);
    printed.splice(0, at + 1);
  }
  assert.match(printed.join('\n'), /^the verifier refused program "careless" at .*careless\.bpf\.c:10/m);
});

test('from the old commands: each command of the right column does it', () => {
  const page = readFileSync(join(root, 'docs/from-the-old-commands.md'), 'utf8');
  const rows = [...page.matchAll(/^\|.*\| (`xdpkit .*`) \|$/gm)].map(([, cell = '']) => cell);
  const commands = rows.flatMap((cell) => [...cell.matchAll(/`(xdpkit [^`]*)`/g)].map(([, command = '']) => command));
  assert.ok(commands.length > 40);
  for (const command of commands) {
    runCommand(
      command.replaceAll(/\bdemo(?=-left|-right| |$)/g, unique).replaceAll('/sys/fs/bpf/', `/sys/fs/bpf/${unique}-`),
      folder,
    );
  }
});
