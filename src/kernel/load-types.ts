/** An object's types, in the kernel. */
import type { Btf } from '../btf/btf.js';
import { btfFeatures, btfFeaturesOf, sanitizeBtf } from '../btf/sanitize.js';
import type { XdpkitError } from '../errors/error.js';
import type { FileDescriptor } from '../linux/file-descriptor.js';
import { SyscallError } from '../linux/syscall-error.js';
import type { ObjectSpec } from '../object/spec.js';
import { loadBtf } from './kernel-btf.js';
import { type Fallbacks, featureOfBtf } from './load-features.js';

export interface LoadedTypes {
  /** Undefined where the kernel has no types of the object. */
  readonly fd: FileDescriptor | undefined;
  /** Whether they say which function is which. */
  readonly functions: boolean;
  /** Why the kernel took none. */
  readonly refusal: XdpkitError | undefined;
}

/**
 * Most programs and maps do without BTF in the kernel, and what its checks refuse (names left out by a compiler, say)
 * need not concern those that are loaded: as in libbpf it is no reason to give up.
 */
export function loadTypes({ btf, name }: ObjectSpec, fallbacks: Fallbacks): LoadedTypes {
  const none: LoadedTypes = { fd: undefined, functions: false, refusal: undefined };
  if (btf === undefined || fallbacks.lacks('btf')) return none;
  const { bytes, functions } = asKernelKnows(btf, fallbacks);
  try {
    return { fd: loadBtf(bytes, name), functions, refusal: undefined };
  } catch (error) {
    if (!(error instanceof SyscallError) || error.code === 'NOT_PERMITTED') throw error;
    fallbacks.note({ name: 'btf', what: 'loaded without BTF', why: error.message, since: undefined });
    return { ...none, refusal: error };
  }
}

function asKernelKnows(btf: Btf, fallbacks: Fallbacks): { readonly bytes: Uint8Array; readonly functions: boolean } {
  // Not one type is looked at for a kernel that knows all kinds.
  const used = btfFeatures.some((feature) => fallbacks.mayLack(featureOfBtf[feature])) ? btfFeaturesOf(btf) : [];
  const absent = new Set([...used].filter((feature) => fallbacks.lacks(featureOfBtf[feature])));
  const bytes = absent.size === 0 ? btf.bytes : sanitizeBtf(btf, absent).bytes;
  return { bytes, functions: !absent.has('functions') };
}
