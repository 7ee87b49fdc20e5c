/** What the scripts say: on stderr, so that stdout stays with the results. */
import { spawn } from 'node:child_process';

export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Ends with a sentence and an exit code of the kinds that xdpkit uses (4 not permitted, 5 can't, 1 failed). */
export function fail(text, exitCode = 1) {
  say(`error: ${text}`);
  process.exit(exitCode);
}

/** Runs `work`, and says what it is and how long it took when that is more than a second. */
export async function step(what, work) {
  const startedAt = performance.now();
  const timer = setTimeout(() => say(`${what} …`), 1000);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
    const seconds = (performance.now() - startedAt) / 1000;
    if (seconds > 1) say(`${what}: ${seconds.toFixed(1)} s`);
  }
}

/** Runs a command with its output on stderr; gives its exit status (1 when a signal ended it). */
export function run(command, parameters, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, { stdio: ['ignore', 2, 2], ...options });
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? 1));
  });
}
