/** Runs inside of the guest: each test file in a process of its own, what it finds as one line of JSON an event. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const { root, testFiles } = JSON.parse(readFileSync('/work.json', 'utf8'));
const reporter = fileURLToPath(new URL('reporter.mjs', import.meta.url));
const options = ['--enable-source-maps', `--test-reporter=${reporter}`, '--test-reporter-destination=stdout'];
let failed = false;

for (const file of testFiles) {
  const startedAt = performance.now();
  const { status, stderr } = await runFile(file);
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  if (status !== 0) failed = true;
  process.stdout.write(`\n${JSON.stringify({ type: 'file', file, status, seconds, stderr })}\n`);
}
process.exit(failed ? 1 : 0);

function runFile(file) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...options, file], { cwd: root, stdio: ['ignore', 'inherit', 'pipe'] });
    const chunks = [];
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), 180_000);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status: status ?? signal, stderr: Buffer.concat(chunks).toString().slice(-4000) });
    });
  });
}
