import { access, constants, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { XdpkitError } from '../errors/error.js';
import { type Environment, findClang } from './clang.js';
import { compileError } from './diagnostics.js';
import { targetArguments } from './target.js';

export interface CompileOptions {
  /** A file of BPF C, whatever its ending. Diagnostics and line information name it as given here. */
  readonly source: string;
  /** The object to write; beside the source when absent: `x.bpf.c` and `x.c` give `x.bpf.o` and `x.o`. */
  readonly output?: string | undefined;
  /** Folders searched for headers before the system's (`-I`). */
  readonly includePaths?: readonly string[] | undefined;
  /** `-DNAME=VALUE`; `true` defines the name alone. */
  readonly defines?: Readonly<Record<string, string | number | true>> | undefined;
  /** Passed to clang last, so that they win. */
  readonly extraArguments?: readonly string[] | undefined;
  /** Name or path of the clang to use, instead of the one that CLANG or PATH gives. */
  readonly clang?: string | undefined;
  /** Where CLANG and PATH are looked up; the process's own by default. */
  readonly environment?: Environment | undefined;
  /** Ends clang when aborted. */
  readonly signal?: AbortSignal | undefined;
}

export interface CompileResult {
  readonly source: string;
  readonly output: string;
  /** Path of the clang that was used. */
  readonly clang: string;
  /** Clang's warnings as it printed them; empty when there are none. */
  readonly warnings: string;
}

/**
 * Compiles BPF C to an object with BTF. The object appears under its name only when it is complete: a failed or
 * interrupted run leaves an older object of the same name as it was.
 *
 * Errors: FILE_NOT_FOUND (the source, or the folder to write to), USAGE (one of them is a folder where a file is meant,
 * or both are the same file, or the output is a device), NOT_PERMITTED (the folder may not be written to), TOOL_MISSING
 * (clang or a header of the system; the hint names the Debian package), COMPILE_FAILED (the message has file, line and
 * text of the first error, `log` all of clang's), INTERRUPTED.
 */
export async function compileBpf(options: CompileOptions): Promise<CompileResult> {
  const { source, output = defaultOutput(source), environment = process.env } = options;
  await mustExist(source, `cannot compile '${source}': there is no such file`);
  await mustExist(dirname(output), `cannot write '${output}': there is no folder '${dirname(output)}'`);
  await mustBeWritable(source, output);
  const clang = findClang(options.clang, environment);
  const partial = join(dirname(output), `.${basename(output)}.${randomName()}`);
  try {
    const warnings = await runClang(clang, compileArguments(options, partial), options);
    await rename(partial, output);
    return { source, output, clang, warnings };
  } finally {
    await rm(partial, { force: true });
  }
}

/** `x.bpf.c` → `x.bpf.o`, in the same folder. */
export function defaultOutput(source: string): string {
  return source.endsWith('.c') ? `${source.slice(0, -2)}.o` : `${source}.o`;
}

function compileArguments(options: CompileOptions, output: string): string[] {
  const { source, includePaths = [], defines = {}, extraArguments = [] } = options;
  return [
    '-O2',
    // Brings BTF, which maps, typed access and readable verifier logs stand on.
    '-g',
    // The same source gives the same bytes wherever it is compiled.
    '-fdebug-compilation-dir=.',
    '-Wall',
    // Some distributions' clang protects stacks by default; BPF has no such thing.
    '-fno-stack-protector',
    ...targetArguments(),
    // Clang goes by the ending otherwise, and takes a file of another name for something to link.
    '-x',
    'c',
    ...includePaths.flatMap((folder) => ['-I', folder]),
    ...Object.entries(defines).map(([name, value]) => (value === true ? `-D${name}` : `-D${name}=${value}`)),
    '-c',
    '-o',
    pathArgument(output),
    ...extraArguments,
    pathArgument(source),
  ];
}

/** A file name that begins with a dash is no option. */
function pathArgument(path: string): string {
  return path.startsWith('-') ? `./${path}` : path;
}

// Node's `crypto` and `child_process` take megabytes, which who loads a compiled object need not pay: taken when needed.
function randomName(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString('hex');
}

async function runClang(clang: string, words: readonly string[], options: CompileOptions): Promise<string> {
  const { source, signal, environment = process.env } = options;
  const settings = { encoding: 'utf8', env: environment, maxBuffer: 1 << 26, signal } as const;
  const { execFile } = await import('node:child_process');
  return await new Promise((resolve, reject) => {
    execFile(clang, words, settings, (error, _stdout, stderr) => {
      if (error === null) resolve(stderr.trimEnd());
      else if (error.name === 'AbortError')
        reject(new XdpkitError('INTERRUPTED', `compiling '${source}' was interrupted`));
      else if (typeof error.code === 'number') reject(compileError(source, clang, stderr));
      else reject(new XdpkitError('TOOL_MISSING', `cannot run ${clang}: ${error.message}`, { cause: error }));
    });
  });
}

async function mustExist(path: string, problem: string): Promise<void> {
  try {
    await access(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')
      throw new XdpkitError('FILE_NOT_FOUND', problem);
    throw new XdpkitError('FILE_NOT_FOUND', `${problem} that can be read`, { cause });
  }
}

/** The object takes its name by a rename at the end, which would as well take the source's, or that of /dev/null. */
async function mustBeWritable(source: string, output: string): Promise<void> {
  const from = await stat(source);
  if (from.isDirectory())
    throw new XdpkitError('USAGE', `cannot compile '${source}': it is a folder, no file of BPF C`);
  const to = await stat(output).catch(() => undefined);
  if (to !== undefined && !to.isFile()) {
    const what = to.isDirectory() ? 'a folder' : 'no ordinary file';
    throw new XdpkitError('USAGE', `cannot write '${output}': it is ${what}`);
  }
  if (to !== undefined && to.dev === from.dev && to.ino === from.ino) {
    throw new XdpkitError('USAGE', `cannot write '${output}': the object would take the place of its source`);
  }
  try {
    await access(dirname(output), constants.W_OK);
  } catch (cause) {
    const message = `cannot write '${output}': its folder may not be written to`;
    throw new XdpkitError('NOT_PERMITTED', message, { cause });
  }
}
