/**
 * Kernel tests on Debian's stock kernels: `npm run test:vm [-- KERNEL… PATTERN…]`, where KERNEL is a name of kernels.mjs
 * (all of them when none is given) and PATTERN a part of a test file's path (those of tests.mjs when none is given).
 * Exit status 1 when a test failed or a machine died.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../build-state.mjs';
import { fail, say } from '../talk.mjs';
import { writeImage } from './image.mjs';
import { kernels, missingKernels, readKernel } from './kernels.mjs';
import { runMachine } from './machine.mjs';
import { Tally } from './tally.mjs';
import { testsOnStockKernels } from './tests.mjs';

const limit = 1_200_000;

const words = process.argv.slice(2);
const named = kernels.filter(({ name }) => words.includes(name));
const patterns = words.filter((word) => !named.some(({ name }) => name === word));
const testFiles = patterns.length === 0 ? testsOnStockKernels.map((name) => `dist/${name}.js`) : filesThatFit();
if (testFiles.length === 0) fail(`no kernel test's path contains ${patterns.join(' or ')}`, 3);
for (const file of testFiles) if (!existsSync(join(root, file))) fail(`there is no ${file}`, 3);
if (missingKernels().length > 0) fail('run `node scripts/setup.mjs --for vm` first', 3);

const work = mkdtempSync(join(tmpdir(), 'xdpkit-vm-'));
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop.abort());
try {
  const failures = await Promise.all((named.length === 0 ? kernels : named).map(runOn));
  process.exitCode = stop.signal.aborted ? 130 : failures.some((count) => count > 0) ? 1 : 0;
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Gives the number of failures. */
async function runOn(choice) {
  const kernel = readKernel(choice);
  const image = join(work, `${kernel.name}.cpio`);
  const temporary = join(work, kernel.name);
  mkdirSync(temporary);
  writeImage(image, { kernel, testFiles, temporary });
  const startedAt = performance.now();
  const tally = new Tally(kernel);
  const options = {
    consoleFile: join(work, `${kernel.name}.console`),
    onLine: (line) => tally.hear(line),
    milliseconds: limit,
    signal: stop.signal,
  };
  let { status, said, console } = await runMachine(kernel, image, options);
  // One boot in forty dies before the kernel's first word, by QEMU's doing; whatever comes later is a finding.
  if (status === undefined && console.trim() === '' && tally.files === 0 && !stop.signal.aborted) {
    say(`Linux ${kernel.release} did not start (${said.trim() || 'without a word'}); once more`);
    ({ status, said, console } = await runMachine(kernel, image, options));
  }
  const [next] = testFiles.slice(tally.files);
  if (next !== undefined) tally.fail(next, 'the machine ended here', `${said}${console.slice(-4000)}`);
  else if (status !== 0 && tally.failed === 0)
    tally.fail('', 'the tests ended badly', `${said}${console.slice(-4000)}`);
  const { passed, failed, skipped, files } = tally;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped, ${files} of ${testFiles.length} files`;
  process.stdout.write(`Linux ${kernel.release}: ${counts}, ${seconds} s\n`);
  return failed;
}

function filesThatFit() {
  return readdirSync(join(root, 'dist'), { recursive: true })
    .map((file) => `dist/${file}`)
    .filter((file) => file.endsWith('.kernel.test.js') && patterns.some((part) => file.includes(part)))
    .sort();
}
