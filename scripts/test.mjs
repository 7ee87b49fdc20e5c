/**
 * Runs the compiled tests with node's own runner: `npm test [-- PATTERN]`, where PATTERN is a part of a file's path.
 * Kernel tests (`*.kernel.test.js`) run where the process may use BPF; where they can't, the summary counts one skipped
 * test that says why, and with CI=true that test fails.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './build-state.mjs';
import { fail } from './talk.mjs';

const patterns = process.argv.slice(2);
const found = readdirSync(join(root, 'dist'), { recursive: true })
  .map((file) => `dist/${file}`)
  .filter(
    (file) => file.endsWith('.test.js') && (patterns.length === 0 || patterns.some((part) => file.includes(part))),
  )
  .sort();
if (found.length === 0) fail(`no test file's path contains ${patterns.join(' or ')}`, 3);

const kernelFiles = found.filter((file) => file.endsWith('.kernel.test.js'));
const obstacle = kernelFiles.length > 0 ? obstacleToKernelTests() : undefined;
const files =
  obstacle === undefined
    ? found
    : [...found.filter((file) => !kernelFiles.includes(file)), 'scripts/kernel-tests-did-not-run.test.mjs'];
const env = { ...process.env };
if (obstacle !== undefined)
  env.XDPKIT_KERNEL_TESTS_OBSTACLE = `${kernelFiles.length} kernel test files did not run: ${obstacle}`;

const options = [
  '--test',
  '--enable-source-maps',
  '--test-reporter=spec',
  '--test-reporter-destination=stdout',
  '--test-concurrency=2',
  '--test-timeout=600000',
];
const child = spawn(process.execPath, [...options, ...files], { cwd: root, env, stdio: ['ignore', 1, 2] });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (status, signal) => process.exit(status ?? (signal === 'SIGINT' ? 130 : 1)));

/** The tests probe BPF itself by what they do; this only tells apart where they have no chance at all. */
function obstacleToKernelTests() {
  if (process.platform !== 'linux') return `they need Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'they need root';
  if (!existsSync('/sys/fs/bpf')) return 'this kernel has no /sys/fs/bpf';
  return undefined;
}
