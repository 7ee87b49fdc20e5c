import type { StdioOptions } from 'node:child_process';
import { createRequire } from 'node:module';
import { XdpkitError } from '../errors/error.js';
import type { LabHost } from './lab.js';

export interface ExecOptions {
  /** The terminal's own when left out. */
  readonly stdio?: StdioOptions | undefined;
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** How a command ended: by itself with a status, or by a signal. */
export type ExecResult =
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals };

/**
 * Runs a command in a lab's host, without a shell. Only the network is another one there: files, and the BPF file
 * system with its pins, are the machine's. SIGINT and SIGTERM to this process go on to the command. Throws
 * `FILE_NOT_FOUND` where there is no such command.
 */
export async function execInHost(
  host: LabHost,
  command: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const [file, ...rest] = command;
  if (file === undefined) throw new XdpkitError('USAGE', `no command to run in ${host.name} was given`);
  const { stdio = 'inherit', ...others } = options;
  const settings = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  // Megabytes that who only loads an object need not pay; an import would have the caller's next step come before it.
  const { spawn } = createRequire(import.meta.url)('node:child_process') as typeof import('node:child_process');
  const child = host.netns.run(() => spawn(file, rest, { ...settings, stdio }));
  const forward = (signal: NodeJS.Signals): void => {
    // A terminal sends its Ctrl-C to the command too: twice would mean "at once" to many.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  process.on('SIGINT', forward);
  process.on('SIGTERM', forward);
  return await new Promise<ExecResult>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const absent = error.code === 'ENOENT';
      const code = absent ? 'FILE_NOT_FOUND' : error.code === 'EACCES' ? 'NOT_PERMITTED' : 'FAILED';
      const reason = absent ? 'there is no such command' : error.message;
      reject(new XdpkitError(code, `run ${file} in ${host.name}: ${reason}`, { cause: error }));
    });
    child.once('close', (status, signal) => {
      resolve(signal ? { kind: 'killed', signal } : { kind: 'exited', status: status ?? 0 });
    });
  }).finally(() => {
    process.off('SIGINT', forward);
    process.off('SIGTERM', forward);
  });
}
