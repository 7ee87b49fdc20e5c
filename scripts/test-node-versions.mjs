/**
 * Runs the unit tests with other releases of Node.js than the one at hand, which npm packages bring:
 * `npm run test:node [-- 22 24]`. The build is the same for all; only what runs it changes.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './build-state.mjs';
import { fail, say } from './talk.mjs';

const versions = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24'];
const files = readdirSync(join(root, 'dist'), { recursive: true })
  .map((file) => `dist/${file}`)
  .filter((file) => file.endsWith('.test.js') && !file.endsWith('.kernel.test.js'))
  .sort();
if (files.length === 0) fail('there are no tests in dist: run `npm run build` first', 3);

for (const version of versions) {
  const node = install(version);
  say(`unit tests with Node.js ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()}`);
  const options = ['--test', '--enable-source-maps', '--test-reporter=dot', '--test-timeout=600000'];
  // What mutants find does not depend on the release: those of `npm test` are enough.
  const env = { XDPKIT_MUTANTS: '1000', ...process.env };
  const { status } = spawnSync(node, [...options, ...files], {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) fail(`the unit tests failed with Node.js ${version}`);
}

/** The path of that release's program, installed under build/ where it is not there yet. */
function install(version) {
  const folder = join(root, 'build', `node-${version}`);
  const name = `node-linux-${process.arch}`;
  const node = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(node)) return node;
  mkdirSync(folder, { recursive: true });
  // A package of its own, so that npm does not install into the one above.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  say(`installing Node.js ${version} into build/`);
  const parameters = [
    'install',
    '--prefix',
    folder,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    `${name}@${version}`,
  ];
  const { status } = spawnSync('npm', [...parameters, '--loglevel=error'], { stdio: ['ignore', 2, 2] });
  if (status !== 0 || !existsSync(node)) fail(`npm could not install Node.js ${version}`);
  return node;
}
