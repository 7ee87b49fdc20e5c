/** Compiles C that a test writes down itself. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenedObject, parseObject } from '../loader/open.js';

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-text-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

export interface TextOptions {
  readonly target?: 'bpf' | 'bpfeb';
  /** Debug information, and with it BTF, is there unless this is false. */
  readonly debug?: boolean;
  /** The object's name, `x` unless given. */
  readonly name?: string;
}

const prelude = `#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
`;

let count = 0;

/** The object file that clang makes of `source`, with the usual headers and a licence. Line 1 is the source's first. */
export function compileText(source: string, { target = 'bpf', debug = true }: TextOptions = {}): Uint8Array {
  const path = join(folder, `${count++}`);
  writeFileSync(`${path}.c`, `${prelude}#line 1 "text.c"\n${source}\nchar _license[] SEC("license") = "GPL";\n`);
  const architecture = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
  const options = ['-O2', '-w', '-target', target, `-I/usr/include/${architecture}-linux-gnu`];
  execFileSync('clang', [...options, ...(debug ? ['-g'] : []), '-c', `${path}.c`, '-o', `${path}.o`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return readFileSync(`${path}.o`);
}

export function openText(source: string, options: TextOptions = {}): OpenedObject {
  return parseObject(compileText(source, options), `${options.name ?? 'x'}.bpf.o`);
}
