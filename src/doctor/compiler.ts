import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Environment, findClang } from '../compile/clang.js';
import { compileBpf } from '../compile/compile.js';
import { XdpkitError } from '../errors/error.js';
import type { Finding } from './finding.js';

const group = 'compiler';
const run = promisify(execFile);

/** Each compiled by itself, so that each thing that is missing is named. */
const trials = [
  { item: 'BPF target', found: 'compiles to BPF', source: 'int answer = 42;', lost: 'xdpkit build' },
  {
    item: 'BPF headers',
    found: '<bpf/bpf_helpers.h>',
    source: '#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>',
    lost: 'compiling programs that include them, as nearly all do; compiled objects need none',
  },
  {
    item: 'kernel headers',
    found: '<linux/bpf.h>, <asm/types.h>',
    source: '#include <linux/bpf.h>\n#include <asm/types.h>',
    lost: 'compiling any program that names the types of the kernel',
  },
] as const;

export async function examineCompiler(environment: Environment = process.env): Promise<Finding[]> {
  const item = 'clang';
  let clang: string;
  try {
    clang = findClang(undefined, environment);
  } catch (error) {
    if (!(error instanceof XdpkitError)) throw error;
    const lost = 'xdpkit build; objects that are compiled already need none';
    return [{ group, item, state: 'missing', found: error.message, lost, hint: error.hint, essential: true }];
  }
  const folder = await mkdtemp(join(tmpdir(), 'xdpkit-doctor-'));
  try {
    const version: Finding = {
      group,
      item,
      state: 'ok',
      found: `${await versionOf(clang)}, ${clang}`,
      essential: true,
    };
    return [version, ...(await Promise.all(trials.map((trial) => tryToCompile(trial, folder, environment))))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function versionOf(clang: string): Promise<string> {
  try {
    const { stdout } = await run(clang, ['--version']);
    return /clang version (\S+)/.exec(stdout)?.[1] ?? 'of unknown version';
  } catch {
    return 'of unknown version';
  }
}

async function tryToCompile(
  { item, found, source, lost }: (typeof trials)[number],
  folder: string,
  environment: Environment,
): Promise<Finding> {
  const path = join(folder, `${item.replace(' ', '-')}.bpf.c`);
  try {
    await writeFile(path, `${source}\n`);
    await compileBpf({ source: path, environment });
    return { group, item, state: 'ok', found, essential: true };
  } catch (error) {
    if (!(error instanceof XdpkitError)) throw error;
    // The file is the doctor's own: its name tells nobody anything.
    const problem = error.message.replace(`cannot compile '${path}': `, '');
    return { group, item, state: 'missing', found: problem, lost, hint: error.hint, essential: true };
  }
}
