/** Counts what a guest's tests tell, line by line (inside/run-tests.mjs), and prints what has failed or was skipped. */
import { say } from '../talk.mjs';

export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** Test files that have ended. */
  files = 0;
  /** Failures of the file that runs: its name comes at its end. */
  #failures = [];
  #kernel;

  constructor(kernel) {
    this.#kernel = kernel;
  }

  hear(line) {
    let event;
    try {
      event = JSON.parse(line);
    } catch {
      // What a test prints itself.
      say(`Linux ${this.#kernel.name} | ${line}`);
      return;
    }
    if (event.type === 'file') this.#endFile(event);
    else if (event.type === 'test:fail') this.#failures.push(event);
    else if (event.skip !== undefined) this.#skip(event);
    else this.passed += 1;
  }

  fail(file, name, error) {
    this.failed += 1;
    process.stdout.write(`\nLinux ${this.#kernel.name}, ${file}, not ok: ${name}\n${error}\n\n`);
  }

  #skip({ name, skip }) {
    this.skipped += 1;
    say(`Linux ${this.#kernel.name} | skipped: ${name} (${skip})`);
  }

  #endFile({ file, status, seconds, stderr }) {
    this.files += 1;
    const failures = this.#failures.splice(0);
    for (const { name, error } of failures) this.fail(file, name, error);
    if (status !== 0 && failures.length === 0) this.fail(file, `ended with ${status}`, stderr);
    else if (status !== 0 && stderr !== '') say(stderr);
    say(`Linux ${this.#kernel.name} | ${status === 0 ? 'ok' : 'FAILED'} ${file} ${seconds} s`);
  }
}
