/** BTF that a person means. */
import { readFileSync } from 'node:fs';
import { type Btf, readBtf } from '../btf/btf.js';
import { isElf, readElfSection } from '../elf/elf.js';
import { XdpkitError } from '../errors/error.js';
import { findMap } from './find-map.js';
import { findProgram } from './find-program.js';
import { readBtfBytes } from './info.js';
import { openById } from './iterate.js';
import { readBtfInfo } from './list-btf.js';
import { readTargetBtf } from './target-btf.js';

/**
 * Opens the BTF of the running kernel (`kernel`), of a BTF object of the kernel (`id:17`), of a program or a map
 * (`prog:17`, `map:flows`: an id, a pin or a name), or of a file: an object, a kernel's `vmlinux`, or raw BTF. `base` is
 * what split BTF goes on with; of modules that the kernel shows, its own types unless given. Errors:
 * `BTF_NOT_FOUND`, those of `findProgram` and `findMap`, `FILE_NOT_FOUND`, `MALFORMED`.
 */
export function findBtf(source: string, base?: Btf): Btf {
  if (source === 'kernel') return readTargetBtf(undefined);
  const [, kind, reference = ''] = /^(id|prog|map):(.+)$/s.exec(source) ?? [];
  switch (kind) {
    case 'id':
      if (!/^\d+$/.test(reference)) throw new XdpkitError('USAGE', `"${source}": a BTF id is a number, as in id:17`);
      return btfById(Number(reference), `there is no BTF object with id ${reference}`, base);
    case 'prog': {
      using program = findProgram(reference);
      return btfById(program.info().btfId, `program ${program.id}, "${program.name}", has no BTF`);
    }
    case 'map': {
      using map = findMap(reference);
      const { id, btfId } = map.info();
      return btfById(btfId, `map ${id}, "${map.name}", has no BTF`);
    }
    default:
      return btfOfFile(source, base);
  }
}

function btfById(id: number, otherwise: string, base?: Btf): Btf {
  using fd = id === 0 ? undefined : openById('BTF', id);
  if (fd === undefined) {
    throw new XdpkitError('BTF_NOT_FOUND', otherwise, { hint: '`xdpkit btf ls` lists what there is.' });
  }
  const { name, origin } = readBtfInfo(fd.number);
  const where = name === '' ? `BTF ${id}` : `BTF ${id} (${name})`;
  return readBtf(readBtfBytes(fd.number), where, base ?? (origin === 'module' ? readTargetBtf(undefined) : undefined));
}

function btfOfFile(path: string, base: Btf | undefined): Btf {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw new XdpkitError('FILE_NOT_FOUND', `cannot read types from ${path}: ${why}`, {
      cause,
      hint: 'Types are read from an object, a file of raw BTF, id:N, prog:N, map:N, or the running kernel: kernel.',
    });
  }
  // There the kernel shows its modules', each of which goes on with its own.
  const isModules = base === undefined && /^\/sys\/kernel\/btf\/(?!vmlinux$)/.test(path);
  const before = isModules ? readTargetBtf(undefined) : base;
  if (!isElf(bytes)) return readBtf(bytes, path, before);
  const section = readElfSection(bytes, path, '.BTF');
  if (section !== undefined) return readBtf(section, path, before);
  throw new XdpkitError('BTF_NOT_FOUND', `${path} has no section .BTF`, {
    hint: 'Compile with debug information: `xdpkit build` does, clang with -g.',
  });
}
