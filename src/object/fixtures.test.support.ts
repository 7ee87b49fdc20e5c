/** Compiles the C sources in `testdata` for tests, each variant once a process, into a folder that goes with it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findClang } from '../compile/clang.js';

const clang = findClang(undefined, process.env);

const sources = fileURLToPath(new URL('../../src/object/testdata/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'xdpkit-object-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

export interface Variant {
  readonly defines?: readonly string[];
  readonly target?: 'bpf' | 'bpfeb';
  /** Debug information, and with it BTF, is there unless this is false. */
  readonly debug?: boolean;
}

export type Fixture = 'small' | 'calls' | 'legacy-maps' | 'btf-maps' | 'externs' | 'struct-ops';

export function sourcePath(name: Fixture): string {
  return `${sources}${name}.bpf.c`;
}

/** The path of the compiled object. */
export function fixturePath(name: Fixture, { defines = [], target = 'bpf', debug = true }: Variant = {}): string {
  const path = join(folder, `${[name, target, debug ? 'g' : 'g0', ...defines].join('-')}.bpf.o`);
  if (existsSync(path)) return path;
  const architecture = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
  const options = ['-O2', '-Wall', '-target', target, `-I/usr/include/${architecture}-linux-gnu`];
  execFileSync(
    clang,
    [...options, ...(debug ? ['-g'] : []), ...defines.map((one) => `-D${one}`), '-c', sourcePath(name), '-o', path],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return path;
}

export function fixture(name: Fixture, variant?: Variant): Uint8Array {
  return readFileSync(fixturePath(name, variant));
}

/** What another tool says about a file. */
export function ask(tool: string, ...options: string[]): string {
  const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  return execFileSync(tool, options, { encoding: 'utf8', maxBuffer: 1 << 30, env });
}
