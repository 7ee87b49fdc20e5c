/** The types that CO-RE relocations are answered from: the running kernel's own, since Linux 5.4, or a file of them. */
import { readFileSync } from 'node:fs';
import { type Btf, readBtf } from '../btf/btf.js';
import { XdpkitError } from '../errors/error.js';
import { mapKernelFile } from '../linux/memory-map.js';

const runningKernel = '/sys/kernel/btf/vmlinux';

/**
 * Opens BTF, of which it decodes nothing yet. `given`: the types themselves or the path of a file of raw BTF. Throws
 * `XdpkitError` UNSUPPORTED where the running kernel has none, FILE_NOT_FOUND for a file that cannot be read.
 */
export function readTargetBtf(given: Btf | string | undefined): Btf {
  if (given !== undefined && typeof given !== 'string') return given;
  const path = given ?? runningKernel;
  let bytes: Uint8Array;
  try {
    bytes = (given === undefined ? mapKernelFile(path) : undefined) ?? readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    if (given !== undefined)
      throw new XdpkitError('FILE_NOT_FOUND', `cannot read the BTF file ${path}: ${why}`, { cause });
    throw new XdpkitError('UNSUPPORTED', `the running kernel does not tell its types: ${why}`, {
      hint: 'It needs CONFIG_DEBUG_INFO_BTF (Linux 5.4 or later); or give its BTF, made elsewhere, as kernelBtf.',
      cause,
    });
  }
  return readBtf(bytes, path);
}
