/** The C programs that xdpkit is measured against, compiled from `bench/*.c`, and the one that stays running. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { XdpkitError } from '../errors/error.js';
import type { Timed } from './rounds.js';

/** Compiles `bench/NAME.c` where the program is older than its source: the program's path. */
export function compilePeer(root: string, name: string, libraries: readonly string[]): string {
  const source = join(root, 'bench', `${name}.c`);
  const output = join(root, 'dist/bench', name);
  const built = statSync(output, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built > statSync(source).mtimeMs) return output;
  mkdirSync(join(root, 'dist/bench'), { recursive: true });
  const words = ['-O2', '-Wall', '-o', output, source, ...libraries.map((library) => `-l${library}`)];
  const { error, status, stderr } = spawnSync('gcc', words, { encoding: 'utf8' });
  if (error) {
    throw new XdpkitError('TOOL_MISSING', `cannot run gcc: ${error.message}`, {
      hint: 'Install it: apt-get install gcc libc6-dev libbpf-dev',
      cause: error,
    });
  }
  if (status !== 0) throw new XdpkitError('COMPILE_FAILED', `gcc refused ${source}`, { log: stderr });
  return output;
}

/** Answers each command with a line; see `bench/peer.c`. */
export class Peer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string) {
    this.#child = spawn(program, { stdio: 'pipe' });
    // A peer that has died is told of by `run`, which finds no answer.
    this.#child.stdin.on('error', () => {});
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** `verb` and `target` come before the count, `rest` behind. */
  command(verb: string, target: string | number, ...rest: readonly number[]): Timed {
    return (count) => this.#run([verb, target, count, ...rest].join(' '));
  }

  async #run(command: string): Promise<number> {
    this.#child.stdin.write(`${command}\n`);
    const { value, done } = await this.#lines.next();
    const nanoseconds = Number(value);
    if (done || !Number.isFinite(nanoseconds)) {
      throw new XdpkitError('FAILED', `the libbpf peer, asked for "${command}": ${done ? 'it has ended' : value}`);
    }
    return nanoseconds;
  }

  /** It ends by itself when its input does; a long command is not waited for. */
  [Symbol.dispose](): void {
    this.#child.kill();
  }
}
