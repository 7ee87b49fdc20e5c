/** Compiles the C sources of `testdata`: a program's own idea of some types, and kernels where they are other. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Btf, readBtf } from '../../btf/btf.js';
import { findClang } from '../../compile/clang.js';
import { readElf } from '../../elf/elf.js';
import { readObject } from '../read.js';

const clang = findClang(undefined, process.env);
const sources = fileURLToPath(new URL('../../../src/object/core/testdata/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'xdpkit-core-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

export const targets = ['SAME', 'MOVED', 'BARE'] as const;
export type Target = (typeof targets)[number];
export type ByteOrder = 'bpf' | 'bpfeb';

export const typeExists = 8;
export const typeMatches = 12;

/** Compiles C to an object with BTF and gives its path. */
export function compile(sourcePath: string, name: string, byteOrder: ByteOrder, ...options: string[]): string {
  const path = join(folder, `${name}.o`);
  if (existsSync(path)) return path;
  const architecture = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
  const common = ['-O2', '-g', '-w', '-target', byteOrder, `-I/usr/include/${architecture}-linux-gnu`];
  execFileSync(clang, [...common, ...options, '-c', sourcePath, '-o', path], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return path;
}

/** As `compile`, of C that a test writes down itself; its programs called `matches_…` ask whether types match. */
export function compileText(text: string, name: string): string {
  const path = join(folder, `${name}.c`);
  writeFileSync(path, text);
  const object = compile(path, name, 'bpf');
  if (!text.includes('matches_')) return object;
  const bytes = new Uint8Array(readFileSync(object));
  askForMatches(bytes);
  writeFileSync(object, bytes);
  return object;
}

/** The object of local.bpf.c, in which programs called `matches_…` ask whether types match. */
export function localPath(byteOrder: ByteOrder = 'bpf'): string {
  const path = join(folder, `local-${byteOrder}.bpf.o`);
  if (existsSync(path)) return path;
  const bytes = new Uint8Array(readFileSync(compile(`${sources}local.bpf.c`, `plain-${byteOrder}`, byteOrder)));
  askForMatches(bytes);
  writeFileSync(path, bytes);
  return path;
}

export function targetPath(target: Target, byteOrder: ByteOrder = 'bpf'): string {
  return compile(`${sources}targets.c`, `${target}-${byteOrder}`, byteOrder, `-D${target}`);
}

/** The BTF of an object as clang wrote it. */
export function btfOf(path: string, name: string): Btf {
  const section = readElf(readFileSync(path), name).sections.find((each) => each.name === '.BTF');
  if (!section) throw new Error(`${path} has no BTF`);
  return readBtf(section.data, name);
}

/** Where the records of CO-RE relocations begin in the file, by function, in order. */
export function recordsOf(bytes: Uint8Array): Map<string, number[]> {
  const { functions } = readObject(bytes, 'x');
  const section = readElf(bytes, 'x').sections.find(({ name }) => name === '.BTF.ext');
  if (!section) throw new Error('no .BTF.ext');
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const littleEndian = view.getUint16(section.offset, true) === 0xeb9f;
  const word = (at: number) => view.getUint32(at, littleEndian);
  const found = new Map<string, number[]>();
  // hdr_len 4, core_relo_off 24, core_relo_len 28; then record size, and for each ELF section: name, count, records
  let at = section.offset + word(section.offset + 4) + word(section.offset + 24);
  const end = at + word(section.offset + 28);
  const size = word(at);
  for (at += 4; at < end; ) {
    const [nameOffset, count] = [word(at), word(at + 4)];
    const name = readObjectString(bytes, nameOffset);
    at += 8;
    for (let left = count; left > 0; left--, at += size) {
      const inside = functions.find(
        ({ section: own, offset, code }) => own === name && offset <= word(at) && word(at) < offset + code.length,
      );
      if (!inside) throw new Error('a record of no function');
      found.set(inside.name, [...(found.get(inside.name) ?? []), at]);
    }
  }
  return found;
}

function readObjectString(bytes: Uint8Array, offset: number): string {
  const section = readElf(bytes, 'x').sections.find(({ name }) => name === '.BTF');
  return section ? readBtf(section.data, 'x').string(offset) : '';
}

/** Clang itself can ask since version 15. */
function askForMatches(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer);
  const littleEndian = bytes[5] === 1;
  for (const [name, records] of recordsOf(bytes)) {
    if (!name.startsWith('matches_')) continue;
    for (const at of records) {
      if (view.getUint32(at + 12, littleEndian) !== typeExists) throw new Error(`${name} asks something else`);
      view.setUint32(at + 12, typeMatches, littleEndian);
    }
  }
}
