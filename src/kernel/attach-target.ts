/**
 * What BPF_PROG_LOAD is told of the place a program is for, where the verifier must know it: the id of a type in the
 * kernel's BTF, or in that of another program. Source: libbpf `src/libbpf.c` (`libbpf_find_attach_btf_id`,
 * `btf_get_kernel_prefix_kind`), `kernel/bpf/verifier.c` (`bpf_check_attach_target`).
 */
import type { Btf } from '../btf/btf.js';
import { XdpkitError } from '../errors/error.js';
import { nearNames } from '../object/near-names.js';
import { readProgramInfo } from './info.js';
import { readKernelBtf } from './kernel-btf.js';
import type { ModuleTypes } from './module-btf.js';
import type { BpfProgram } from './program.js';

export interface AttachTarget {
  /** Id of a function, or of a tracepoint's typedef. */
  readonly btfId: number;
  /**
   * The program that is watched, or whose function is replaced, or the BTF of a kernel module; undefined for what is in
   * the kernel itself. The kernel takes either at the same place (`attach_prog_fd`, `attach_btf_obj_fd`).
   */
  readonly fd: number | undefined;
}

/** A program that is about to be loaded, and where it is to go. */
export interface AttachWish {
  readonly name: string;
  /** Kernel names, `tracing` and `trace_fentry`. */
  readonly type: string;
  readonly attachType: string | undefined;
  /** A function, tracepoint, hook or iterator, by the name that sections give it; `MODULE:NAME` for a module's alone. */
  readonly attachTo: string | undefined;
  readonly attachProgram: BpfProgram | undefined;
}

/** How the kernel's BTF names what sections name without prefix. */
interface Naming {
  readonly what: string;
  readonly kind: 'function' | 'typedef';
  readonly prefix: string;
}

const tracepoint: Naming = { what: 'tracepoint', kind: 'typedef', prefix: 'btf_trace_' };
const hook: Naming = { what: 'security hook', kind: 'function', prefix: 'bpf_lsm_' };
const iterator: Naming = { what: 'iterator', kind: 'function', prefix: 'bpf_iter_' };
const kernelFunction: Naming = { what: 'function', kind: 'function', prefix: '' };

const namings: Readonly<Record<string, Naming>> = {
  trace_raw_tp: tracepoint,
  lsm_mac: hook,
  lsm_cgroup: hook,
  trace_iter: iterator,
};

const typesWithTarget: ReadonlySet<string> = new Set(['tracing', 'lsm', 'ext']);

/** The types of the running kernel, as they are asked for. */
export interface KernelTypes {
  readonly types: () => Btf;
  readonly modules: Pick<ModuleTypes, 'list'>;
}

/**
 * Undefined for programs that are told where to go when they are attached. Errors: `USAGE` where nothing says what the program is for, `TARGET_NOT_FOUND` with names like it.
 */
export function resolveAttachTarget(wish: AttachWish, kernel: KernelTypes): AttachTarget | undefined {
  if (!typesWithTarget.has(wish.type)) return undefined;
  if (wish.attachProgram !== undefined) return inProgram(wish, wish.attachProgram);
  if (wish.type === 'ext') {
    throw new XdpkitError(
      'USAGE',
      `program "${wish.name}" replaces a function of another program, which is not given`,
      {
        hint: `Load it as { name: '${wish.name}', attachProgram: PROGRAM }, with a program that is loaded already.`,
      },
    );
  }
  const naming = namings[wish.attachType ?? ''] ?? kernelFunction;
  const { attachTo } = wish;
  if (attachTo === undefined) {
    throw new XdpkitError(
      'USAGE',
      `program "${wish.name}" is for a ${naming.what} of the kernel, and its section names none`,
      {
        hint: `Load it as { name: '${wish.name}', attachTo: '${naming.what.toUpperCase()}' }.`,
      },
    );
  }
  return inKernel(wish, attachTo, naming, kernel);
}

function inKernel(wish: AttachWish, attachTo: string, naming: Naming, kernel: KernelTypes): AttachTarget {
  const [, only, name = ''] = /^(?:([^:]*):)?(.*)$/.exec(attachTo) ?? [];
  const own = kernel.types();
  const wanted = naming.prefix + name;
  const btfId = only === undefined || only === 'vmlinux' ? own.find(naming.kind, wanted) : undefined;
  if (btfId !== undefined) return { btfId, fd: undefined };
  const { modules, problem } = only === 'vmlinux' ? { modules: [], problem: undefined } : kernel.modules.list(own);
  for (const module of modules) {
    if (only !== undefined && only !== module.name) continue;
    const id = module.btf.findOwn(naming.kind, wanted);
    if (id !== undefined) return { btfId: id, fd: module.fd.number };
  }
  const beside = problem === undefined ? '' : ` (its modules could not be looked at: ${problem})`;
  const what = `${naming.what} "${attachTo}"`;
  throw notFound(wish, what, `the kernel${beside}`, nearNames(name, namesOf(own, naming)));
}

function inProgram(wish: AttachWish, target: BpfProgram): AttachTarget {
  const { btfId: typesId } = readProgramInfo(target.fd);
  const btf = readKernelBtf(typesId);
  if (btf === undefined) {
    throw new XdpkitError(
      'UNSUPPORTED',
      `program "${wish.name}" cannot go on program "${target.name}", which has no BTF`,
      {
        hint: 'Compile the program that is its target with debug information (clang -g).',
      },
    );
  }
  const name = wish.attachTo ?? target.name;
  const btfId = btf.find('function', name);
  if (btfId !== undefined) return { btfId, fd: target.fd };
  const near = nearNames(name, namesOf(btf, kernelFunction));
  throw notFound(wish, `function "${name}"`, `program "${target.name}"`, near);
}

function* namesOf(btf: Btf, { kind, prefix }: Naming): Generator<string> {
  for (const id of btf.idsOf(kind)) {
    const type = btf.type(id);
    if ('name' in type && type.name.startsWith(prefix)) yield type.name.slice(prefix.length);
  }
}

function notFound(wish: AttachWish, what: string, where: string, near: readonly string[]): XdpkitError {
  return new XdpkitError('TARGET_NOT_FOUND', `program "${wish.name}" is for ${what}, which ${where} does not have`, {
    hint: near.length > 0 ? `It has ${near.join(', ')}.` : undefined,
  });
}
