/** The types that CO-RE relocations are answered from: the running kernel's own, since Linux 5.4, or a file of them. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { type Btf, readBtf } from '../btf/btf.js';
import { isElf } from '../elf/elf.js';
import { findElfSection, type ReadRange } from '../elf/find-section.js';
import { FormatError, XdpkitError } from '../errors/error.js';
import { mapKernelFile } from '../linux/memory-map.js';

const runningKernel = '/sys/kernel/btf/vmlinux';

// As long as nobody needs the memory, the next load finds the types again: those of a running kernel never change.
let running: WeakRef<Btf> | undefined;

/**
 * Opens BTF, of which it decodes nothing yet. `given`: the types themselves, or the path of a file of raw BTF or of an ELF
 * file with a section `.BTF` (`vmlinux`). Throws `XdpkitError` UNSUPPORTED where the running kernel has none,
 * FILE_NOT_FOUND for a file that cannot be read, MALFORMED for one without BTF.
 */
export function readTargetBtf(given: Btf | string | undefined): Btf {
  if (given !== undefined && typeof given !== 'string') return given;
  if (given !== undefined) return readBtf(readGiven(given), given);
  const types = running?.deref() ?? readRunningKernelBtf();
  running = new WeakRef(types);
  return types;
}

/** The types of the running kernel, read anew: mapped into memory where the kernel lets them be (since Linux 6.16). */
export function readRunningKernelBtf(): Btf {
  let bytes: Uint8Array;
  try {
    bytes = mapKernelFile(runningKernel) ?? readFileSync(runningKernel);
  } catch (cause) {
    throw new XdpkitError('UNSUPPORTED', `the running kernel does not tell its types: ${words(cause)}`, {
      hint: 'It needs CONFIG_DEBUG_INFO_BTF (Linux 5.4 or later); or give its BTF, made elsewhere, as kernelBtf (--kernel-btf).',
      cause,
    });
  }
  return readBtf(bytes, runningKernel);
}

function readGiven(path: string): Uint8Array {
  try {
    return readTypes(path);
  } catch (cause) {
    if (cause instanceof XdpkitError) throw cause;
    throw new XdpkitError('FILE_NOT_FOUND', `cannot read the BTF file ${path}: ${words(cause)}`, { cause });
  }
}

function words(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

const magicSize = 4;

function readTypes(path: string): Uint8Array {
  const fd = openSync(path, 'r');
  try {
    const read: ReadRange = (offset, length) => {
      const buffer = new Uint8Array(new ArrayBuffer(length));
      return buffer.subarray(0, readSync(fd, buffer, 0, length, offset));
    };
    if (!isElf(read(0, magicSize))) return readFileSync(fd);
    const place = findElfSection(read, '.BTF', path);
    if (place) return read(place.offset, Math.min(place.size, fstatSync(fd).size));
    throw new FormatError(
      path,
      0,
      'the ELF file has no section .BTF: its kernel was built without, or it was stripped',
    );
  } finally {
    closeSync(fd);
  }
}
