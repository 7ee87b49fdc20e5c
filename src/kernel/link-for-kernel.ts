/** Links programs for the running kernel: with its types, its symbols, its settings. */
import type { Btf } from '../btf/btf.js';
import { externsOf, type LinkedProgram, linkProgram, programNeedsTarget } from '../object/link.js';
import type { ResolvedExtern } from '../object/resolved-externs.js';
import type { ObjectSpec, ProgramSpec } from '../object/spec.js';
import { type AttachTarget, type AttachWish, resolveAttachTarget } from './attach-target.js';
import type { Degradation } from './degradation.js';
import { ModuleTypes } from './module-btf.js';
import { resolveExterns } from './resolve-externs.js';
import { resolveSettings } from './resolve-settings.js';
import { readTargetBtf } from './target-btf.js';

export interface KernelLinkOptions {
  /**
   * What CO-RE relocations are answered from: BTF, or the path of a file of it, raw or in an ELF file (`vmlinux`). The
   * running kernel's own unless given, read when a program that is loaded needs it, and let go after.
   */
  readonly kernelBtf?: Btf | string | undefined;
  /**
   * Where settings (`extern int CONFIG_HZ __kconfig`) are looked up first: text of lines such as `CONFIG_HZ=250`, or the
   * path of a file of it, gzipped or not. What it lacks comes from `/boot/config-RELEASE` or `/proc/config.gz`.
   */
  readonly kernelConfig?: string | undefined;
}

export interface ChosenProgram extends Omit<AttachWish, 'name'> {
  readonly program: ProgramSpec;
}

export interface LinkedForKernel extends Disposable {
  /** In the order that was asked for. */
  readonly programs: readonly (ChosenProgram & {
    readonly code: LinkedProgram;
    readonly target: AttachTarget | undefined;
  })[];
  /** Contents of the maps of settings, by their names. */
  readonly settings: ReadonlyMap<string, Uint8Array>;
  /** Weak externs that may be there, and are taken for absent. */
  readonly degraded: readonly Degradation[];
  /** The descriptor of a kernel module's BTF, open until this is disposed of. */
  readonly moduleFd: (module: string) => number;
}

/**
 * A function of its own, so that the kernel's types, megabytes of them, are gone when it returns. Errors:
 * `EXTERN_UNRESOLVED`, `CORE_RELOCATION`, `TARGET_NOT_FOUND`, `UNSUPPORTED` where the kernel does not tell its types, `FILE_NOT_FOUND`.
 */
export function linkForKernel(
  spec: ObjectSpec,
  chosen: readonly ChosenProgram[],
  { kernelBtf, kernelConfig }: KernelLinkOptions,
): LinkedForKernel {
  let own: Btf | undefined;
  const types = (): Btf => {
    own ??= readTargetBtf(undefined);
    return own;
  };
  const programs = chosen.map(({ program }) => program);
  const users = usersOf(spec, programs);
  const settings = resolveSettings(spec, users, kernelConfig);
  const modules = new ModuleTypes();
  try {
    const externs = resolveExterns(spec, users, { types, modules });
    const needed = programs.some((program) => programNeedsTarget(spec, program));
    // Types that are given stand for a whole kernel: the modules of this one have no place among them.
    const modulesOfTarget = kernelBtf === undefined ? () => modules.list(types()) : undefined;
    const target = needed ? (kernelBtf === undefined ? types() : readTargetBtf(kernelBtf)) : undefined;
    return {
      programs: chosen.map((each) => ({
        ...each,
        code: linkProgram(spec, each.program, { target, modules: modulesOfTarget, externs }),
        target: resolveAttachTarget({ ...each, name: each.program.name }, { types, modules }),
      })),
      settings,
      degraded: [...externs].flatMap(unknownExtern),
      moduleFd: (module) => modules.fd(module),
      [Symbol.dispose]: () => modules[Symbol.dispose](),
    };
  } catch (error) {
    modules[Symbol.dispose]();
    throw error;
  }
}

function unknownExtern([name, extern]: readonly [string, ResolvedExtern]): Degradation[] {
  if (extern.kind !== 'absent' || !extern.unknown) return [];
  return [{ name: 'externs', what: `weak extern ${name} became 0`, why: extern.reason, since: undefined }];
}

/** Externs with the programs that refer to them. */
function usersOf(spec: ObjectSpec, programs: readonly ProgramSpec[]): Map<string, string[]> {
  const users = new Map<string, string[]>();
  for (const program of programs) {
    for (const name of externsOf(spec, program)) users.set(name, [...(users.get(name) ?? []), program.name]);
  }
  return users;
}
