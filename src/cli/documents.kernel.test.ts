/** What the README says of all documents of `--json`, held against those of the verbs that show something. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openObject } from '../loader/open.js';
import { root } from './document.test.support.js';
import { runWords } from './run-words.test.support.js';

const file = join(root, 'dist/bpf/drop-ping.bpf.o');
const loaded = (await openObject(file)).load();
after(() => loaded[Symbol.dispose]());
const { id: program } = loaded.program('drop_ping');
const map = loaded.map('dropped').info().id;

const verbs = [
  ...['prog ls', 'map ls', 'link ls', 'btf ls', 'lab ls', 'status', 'doctor', 'explain ctx', 'explain packet'],
  ...['helper', 'map', 'program', 'verdict'].map((kind) => `explain ${kind}`),
  ...['show', 'dump'].map((verb) => `prog ${verb} ${program}`),
  ...['show', 'dump'].map((verb) => `map ${verb} ${map}`),
  ...[`refs prog ${program}`, `refs map ${map}`, `object show ${file}`, `prog verify ${file}`],
  `prog run ${program} --packet ip/icmp`,
];

for (const verb of verbs) {
  test(`${verb.split(' ', 2).join(' ')} --json: one document, names in camelCase, ids as numbers`, async () => {
    const { stdout, exitCode } = await runWords([...verb.split(' '), '--json']);
    assert.equal(exitCode, 0, stdout);
    assert.equal(stdout.trimEnd().split('\n').length, 1);
    checkNames(JSON.parse(stdout), verb);
  });
}

function checkNames(value: unknown, path: string): void {
  if (Array.isArray(value)) for (const [index, item] of value.entries()) checkNames(item, `${path}[${index}]`);
  else if (value !== null && typeof value === 'object') {
    for (const [name, item] of Object.entries(value)) {
      // Values of maps have the names of the C program.
      if (/^map dump .*\.value$/.test(path)) continue;
      assert.match(name, /^[a-z][a-zA-Z0-9]*$/, path);
      if (/^id$|Id$/.test(name) && item !== null) assert.equal(typeof item, 'number', `${path}.${name}`);
      checkNames(item, `${path}.${name}`);
    }
  }
}
