/** What kernel tests of XDP share: compiled programs with names of their own, and what other tools say of the kernel. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findClang } from '../compile/clang.js';
import { targetArguments } from '../compile/target.js';
import type { ErrorCode } from '../errors/codes.js';
import { XdpkitError } from '../errors/error.js';
import { pinRoot } from '../kernel/pin.js';
import type { Lab } from '../lab/lab.js';
import { netnsPath } from '../linux/named-netns.js';
import { type OpenedObject, parseObject } from '../loader/open.js';

const clang = findClang(undefined, process.env);

/** In the name of every program and pinned map of this process: other tests run at the same time. */
export const token = randomBytes(3).toString('hex');

/** Goes with the process. */
export const scratch = mkdtempSync(join(tmpdir(), 'xdpkit-xdp-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

const source = fileURLToPath(new URL('../../src/xdp/testdata/programs.bpf.c', import.meta.url));

/** Compiles testdata/programs.bpf.c with these defines, each set once; gives the object's path. */
export function objectPath(...defines: string[]): string {
  const path = join(scratch, `${defines.join('-').replace(/[^\w-]/g, '_')}.bpf.o`);
  if (existsSync(path)) return path;
  const options = [...targetArguments(), `-DTOKEN=${token}`, ...defines.map((define) => `-D${define}`)];
  execFileSync(clang, ['-O2', '-g', '-Wall', ...options, '-c', source, '-o', path]);
  return path;
}

export function open(...defines: string[]): OpenedObject {
  const path = objectPath(...defines);
  return parseObject(readFileSync(path), path);
}

/** Runs another tool, in this process's namespaces; it must succeed. */
export function tool(file: string, ...words: string[]): string {
  const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const { status, stdout, stderr, error } = spawnSync(file, words, { encoding: 'utf8', env });
  assert.equal(status, 0, `${file} ${words.join(' ')}: ${error ?? ''}${stderr}`);
  return stdout;
}

/** As `tool`, in a network namespace, whose BPF file system is the machine's. */
export function toolIn(netns: string, file: string, ...words: string[]): string {
  return tool('nsenter', `--net=${netnsPath(netns)}`, file, ...words);
}

export interface Seen {
  readonly mode: 'xdp' | 'xdpgeneric' | 'xdpoffload' | 'none';
  readonly id: number | undefined;
}

const modeNumbers = { 1: 'xdp', 2: 'xdpgeneric', 3: 'xdpoffload' } as const;

/** The program on a device as `ip` sees it. */
export function seenByIp(netns: string, device = 'veth0'): Seen {
  const [link] = JSON.parse(tool('ip', '-n', netns, '-j', '-d', 'link', 'show', device));
  const mode = modeNumbers[link.xdp?.mode as 1 | 2 | 3] ?? 'none';
  return { mode, id: link.xdp?.prog?.id };
}

/** Every trace in the kernel and on its file systems of programs with our token, and of what is pinned for a lab. */
export function traces(lab?: Lab): { programs: string[]; links: number[]; pins: string[] } {
  const programs = listed<{ id: number; name?: string }>('prog').filter(({ name }) => name?.endsWith(token));
  const ids = new Set(programs.map(({ id }) => id));
  const links = listed<{ id: number; prog_id: number }>('link').filter(({ prog_id }) => ids.has(prog_id));
  const folders = lab
    ? [lab.hosts.left, lab.hosts.right].map(({ netns }) => join(pinRoot, `netns-${netns.cookie}`))
    : [];
  const pins = readdirSync('/sys/fs/bpf').filter((name) => name.endsWith(token));
  return {
    programs: programs.map(({ name }) => name ?? ''),
    links: links.map(({ id }) => id),
    pins: [...pins, ...folders.filter((folder) => existsSync(folder))],
  };
}

export function listed<Item>(kind: 'prog' | 'map' | 'link'): Item[] {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const { stdout } = spawnSync('bpftool', ['-j', kind, 'list'], { encoding: 'utf8', env: toolPath });
    const found: unknown = stdout === '' ? undefined : JSON.parse(stdout);
    // It gives up when an object goes away under it, as those of other tests do.
    if (Array.isArray(found)) return found;
  }
  throw new Error(`bpftool ${kind} list fails again and again`);
}

const toolPath = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Programs go a moment after their last descriptor: the kernel waits until no CPU runs them. */
export async function assertNoTraces(lab?: Lab): Promise<void> {
  const nothing = { programs: [], links: [], pins: [] };
  const deadline = Date.now() + 3000;
  while (Date.now() < deadline && JSON.stringify(traces(lab)) !== JSON.stringify(nothing)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.deepEqual(traces(lab), nothing);
}

/** For `assert.throws`: the code, and words of message and hint. */
export function fails(code: ErrorCode, ...words: (RegExp | string)[]): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof XdpkitError, String(error));
    assert.equal(error.code, code, error.message);
    for (const word of words) {
      const text = `${error.message}\n${error.hint ?? ''}`;
      assert.ok(typeof word === 'string' ? text.includes(word) : word.test(text), `${word} is not in: ${text}`);
    }
    return true;
  };
}
