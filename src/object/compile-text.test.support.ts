/** Compiles C that a test writes down itself. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findClang } from '../compile/clang.js';
import { type OpenedObject, parseObject } from '../loader/open.js';

const clang = findClang(undefined, process.env);

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-text-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

export interface TextOptions {
  readonly target?: 'bpf' | 'bpfeb';
  /** Debug information, and with it BTF, is there unless this is false. */
  readonly debug?: boolean;
  /** The instruction set's version; clang's own choice unless given. */
  readonly cpu?: 'v1' | 'v2' | 'v3' | 'v4' | undefined;
  /** The machine's usual clang unless given. */
  readonly compiler?: 'clang-19' | undefined;
  /** `-O2` unless given. */
  readonly optimise?: '-O1' | '-O2' | '-O3' | undefined;
  /** The object's name, `x` unless given. */
  readonly name?: string;
}

const prelude = join(folder, 'prelude.h');
writeFileSync(prelude, '#include <linux/bpf.h>\n#include <stdbool.h>\n#include <bpf/bpf_helpers.h>\n');

let count = 0;

/** The object file that clang makes of `source`, called `text.c`, with the usual headers and a licence. */
export function compileText(
  source: string,
  { target = 'bpf', debug = true, cpu, compiler, optimise = '-O2' }: TextOptions = {},
): Uint8Array {
  const inside = join(folder, String(count++));
  mkdirSync(inside);
  const [path, output] = [join(inside, 'text.c'), join(inside, 'text.o')];
  writeFileSync(path, `${source}\nchar _license[] SEC("license") = "GPL";\n`);
  const architecture = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
  const options = [optimise, '-w', '-target', target, `-I/usr/include/${architecture}-linux-gnu`, '-include', prelude];
  execFileSync(
    compiler ?? clang,
    [...options, ...(debug ? ['-g'] : []), ...(cpu ? [`-mcpu=${cpu}`] : []), '-c', path, '-o', output],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  return readFileSync(output);
}

export function openText(source: string, options: TextOptions = {}): OpenedObject {
  return parseObject(compileText(source, options), `${options.name ?? 'x'}.bpf.o`);
}
