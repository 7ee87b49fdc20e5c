/** Runs the command line without a process, for tests. */
import { runCommandLine } from './application.js';

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A stream that keeps what is written to it. */
export class Collector {
  text = '';

  write(text: string): void {
    this.text += text;
  }
}

export async function runWords(
  words: readonly string[],
  options: { environment?: Record<string, string | undefined>; signal?: AbortSignal } = {},
): Promise<Ran> {
  const stdout = new Collector();
  const stderr = new Collector();
  const exitCode = await runCommandLine(words, {
    stdout,
    stderr,
    environment: options.environment ?? { PATH: process.env.PATH },
    signal: options.signal ?? new AbortController().signal,
    handSignalsOver: () => {},
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}
