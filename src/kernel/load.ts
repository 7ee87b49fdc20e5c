/** From a spec to maps and programs in the kernel. */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { UnsupportedFeatureError, XdpkitError } from '../errors/error.js';
import { pageSize } from '../linux/ffi.js';
import type { FileDescriptor } from '../linux/file-descriptor.js';
import { liftMemoryLock } from '../linux/memory-lock.js';
import { placeArenaData } from '../object/arena.js';
import type { ObjectSpec } from '../object/spec.js';
import { fillArena } from './arena.js';
import { createDataMap, type DataMap } from './data-map.js';
import type { Degradation } from './degradation.js';
import { fillMapsOfMaps, fillProgramArrays, programsOfContents } from './fill-maps.js';
import { type GlobalMemory, type Globals, globalsOf } from './globals.js';
import { type ChosenProgram, type KernelLinkOptions, linkForKernel } from './link-for-kernel.js';
import { Fallbacks, type LoadFeatures } from './load-features.js';
import { loadTypes } from './load-types.js';
import type { BpfMap } from './map.js';
import type { CreateMapOptions } from './map-create.js';
import { withUsualSize } from './map-size.js';
import type { Migration } from './migrate-map.js';
import { createOrOpenMap, type PinMismatch } from './pinned-maps.js';
import type { BpfProgram } from './program.js';
import { adaptProgram } from './program-fallbacks.js';
import { loadProgram, type VerifierLogWish } from './program-load.js';

/** A program to load otherwise than its section says; old objects have section names that say nothing. */
export interface ProgramChoice {
  readonly name: string;
  /** Kernel name, `xdp`; what the section says unless given. */
  readonly type?: string | undefined;
  readonly attachType?: string | undefined;
  /** The function, tracepoint, hook or iterator that it is for, in the place of the section's. */
  readonly attachTo?: string | undefined;
  /** The program that it watches (fentry, fexit), or of which it replaces a function (freplace). */
  readonly attachProgram?: BpfProgram | undefined;
}

export interface LoadOptions extends KernelLinkOptions {
  /** Which programs; all whose section tells their type unless given. */
  readonly programs?: readonly (string | ProgramChoice)[] | undefined;
  /** Maps to use in the place of the object's own, by name. They stay the caller's to close. */
  readonly maps?: ReadonlyMap<string, BpfMap> | undefined;
  /** Where maps that ask for it are pinned, and taken from when they are there: `/sys/fs/bpf` unless given. */
  readonly pinFolder?: string | undefined;
  /** Where a pinned map has another shape than the object asks for: `fail` unless given. */
  readonly pinMismatch?: PinMismatch | undefined;
  /** What the kernel is taken to know; the running one is asked unless given. See `loadFeaturesOf`. */
  readonly features?: LoadFeatures | undefined;
  /** The ifindex, in the present network namespace, of a device that is to run the programs itself. */
  readonly offloadTo?: number | undefined;
  /** Has the verifier talk about programs that it accepts, too. */
  readonly verifierLog?: VerifierLogWish | undefined;
}

/** What a load has made; closing it closes every descriptor, what is pinned or attached lives on. */
export interface LoadedSpec<Program extends BpfProgram = BpfProgram> extends Disposable {
  readonly programs: ReadonlyMap<string, Program>;
  readonly maps: ReadonlyMap<string, BpfMap>;
  readonly globals: Globals;
  /** What was done without, as the kernel does not know it; empty where it has all that the object asks for. */
  readonly degraded: readonly Degradation[];
  /** What was carried over from pinned maps of another shape. */
  readonly migrations: readonly Migration[];
  /** Takes back the pins that the load has made or replaced, for what fails after it; those that it found stay. */
  removeNewPins(): void;
}

/**
 * Creates the maps, loads the programs. Where a step fails, all that was made before it is taken back, pins included.
 * Errors: `BYTE_ORDER`, `OBJECT_UNSUPPORTED`, `CORE_RELOCATION`, `EXTERN_UNRESOLVED`, `PROGRAM_NOT_FOUND`,
 * `TARGET_NOT_FOUND`, `MAP_CREATE`, `PIN_MISMATCH`, `VERIFIER`, `UNSUPPORTED`, `NOT_PERMITTED`.
 */
export function loadSpec<Program extends BpfProgram>(
  spec: ObjectSpec,
  options: LoadOptions,
  /** Takes over the descriptor. */
  programOf: (fd: FileDescriptor, name: string, type: string) => Program,
): LoadedSpec<Program> {
  if ((spec.byteOrder === 'little') !== hostIsLittleEndian) {
    throw new XdpkitError(
      'BYTE_ORDER',
      `${spec.name} was compiled for ${spec.byteOrder}-endian machines, unlike this one`,
      {
        hint: 'Compile it again for this machine: `xdpkit build` does.',
      },
    );
  }
  const chosen = chooseProgramsToLoad(spec, options.programs);
  for (const name of options.maps?.keys() ?? []) {
    if (spec.maps.some((map) => map.name === name)) continue;
    throw new XdpkitError('MAP_NOT_FOUND', `${spec.name} has no map "${name}" that another could stand for`);
  }
  using linked = linkForKernel(placeArenaData(spec, pageSize()), chosen, options);
  liftMemoryLock();
  const unpin: (() => void)[] = [];
  const removeNewPins = (): void => {
    for (const step of unpin.splice(0).reverse()) step();
  };
  // Undone in reverse where a later step fails; what stays is handed to the loaded object.
  using undo = new UndoStack();
  undo.add(removeNewPins);
  const fallbacks = new Fallbacks(options.features);
  const types = loadTypes(spec, fallbacks);
  using btfFd = types.fd;
  const resources: Disposable[] = [];
  const keep = <Resource extends Disposable>(resource: Resource): Resource => {
    resources.push(resource);
    undo.add(() => resource[Symbol.dispose]());
    return resource;
  };

  const create: CreateMapOptions = {
    btf: spec.btf,
    btfFd: btfFd?.number,
    ifindex: options.offloadTo,
    unnamed: fallbacks.lacks('objectNames'),
  };
  const pins = { folder: options.pinFolder ?? '/sys/fs/bpf', mismatch: options.pinMismatch ?? 'fail' };
  const commits: (() => Migration | undefined)[] = [];
  const maps = new Map<string, BpfMap>();
  const made = new Set<string>();
  const memories = new Map<string, GlobalMemory>();
  for (const declared of spec.maps.map(withUsualSize)) {
    // Nothing refers to it but its own programs, which are not among those that are loaded.
    if (declared.origin === 'struct-ops') continue;
    const settings = linked.settings.get(declared.name);
    const map = settings ? { ...declared, initialValue: settings } : declared;
    const given = options.maps?.get(map.name);
    if (given) {
      maps.set(map.name, given);
    } else if (map.origin === 'data') {
      if (fallbacks.lacks('globalData')) continue;
      const data: DataMap = createDataMap(map, spec.name, create, fallbacks);
      keep(data.map);
      maps.set(map.name, data.map);
      memories.set(map.name, keep(data.memory));
    } else {
      const found = createOrOpenMap(map, create, pins);
      maps.set(map.name, keep(found.map));
      if (found.isNew) made.add(map.name);
      if (found.isNew && map.type === 'arena' && map.initialValue) keep(fillArena(found.map, map));
      if (found.before) keep(found.before);
      if (found.undo) unpin.push(found.undo);
      if (found.commit) commits.push(found.commit);
    }
  }

  fillMapsOfMaps(spec, made, maps);

  const mapFd = (name: string): number => {
    const map = maps.get(name);
    if (map !== undefined) return map.fd;
    const missing = fallbacks.degraded.find((each) => each.name === 'globalData');
    if (missing === undefined)
      throw new XdpkitError('MAP_NOT_FOUND', `${spec.name} refers to a map "${name}" that it lacks`);
    throw new UnsupportedFeatureError('globalData', `${spec.name} uses variables of ${name}: ${missing.why}`);
  };
  const programs = new Map<string, Program>();
  for (const { code, target, program, type, attachType, attachTo } of linked.programs) {
    const { frags, sleepable } = program;
    const adapted = adaptProgram(code, fallbacks);
    const fd = loadProgram(adapted.code, {
      named: adapted.named,
      attachTyped: adapted.attachTyped,
      type,
      attachType,
      attachTo,
      target,
      frags,
      sleepable,
      license: spec.license,
      kernelVersion: spec.kernelVersion,
      btf: spec.btf,
      btfFd: types.functions ? btfFd?.number : undefined,
      btfRefusal: types.refusal,
      ifindex: options.offloadTo,
      verifierLog: options.verifierLog,
      mapFd,
      moduleFd: linked.moduleFd,
    });
    programs.set(program.name, keep(programOf(fd, program.name, type)));
  }
  fillProgramArrays(spec, programs, maps);

  const globals = globalsOf(spec.globals, spec.btf, spec.byteOrder, (map) => {
    const memory = memories.get(map);
    if (memory === undefined) throw new XdpkitError('MAP_NOT_FOUND', `${spec.name} has no data section ${map}`);
    return memory;
  });
  const migrations = commitAll(commits, removeNewPins);
  undo.keepAll();
  return {
    programs,
    maps,
    globals,
    migrations,
    degraded: [
      ...fallbacks.degraded,
      ...spec.remarks.map((remark) => ({ name: 'object', ...remark, since: undefined })),
    ],
    removeNewPins,
    [Symbol.dispose]() {
      for (const resource of resources.reverse()) resource[Symbol.dispose]();
      resources.length = 0;
    },
  };
}

/** While the maps of before are still open, to be pinned again. */
function commitAll(commits: readonly (() => Migration | undefined)[], removeNewPins: () => void): Migration[] {
  try {
    return commits.flatMap((commit) => commit() ?? []);
  } catch (error) {
    removeNewPins();
    throw error;
  }
}

function chooseProgramsToLoad(spec: ObjectSpec, wanted: LoadOptions['programs']): ChosenProgram[] {
  return withProgramsOfContents(spec, wanted ?? usualPrograms(spec)).map((choice) => {
    const name = typeof choice === 'string' ? choice : choice.name;
    const program = spec.programs.find((each) => each.name === name);
    if (program === undefined) {
      const names = spec.programs.map((each) => each.name).join(', ');
      throw new XdpkitError('PROGRAM_NOT_FOUND', `${spec.name} has no program "${name}"`, {
        hint: names ? `It has ${names}.` : 'It has no programs at all.',
      });
    }
    const asked: Partial<ProgramChoice> = typeof choice === 'string' ? {} : choice;
    const type = asked.type ?? program.type;
    if (type === undefined) {
      throw new XdpkitError('USAGE', `program "${name}": its section "${program.section}" does not tell its type`, {
        hint: `Load it as { name: '${name}', type: 'xdp' }.`,
      });
    }
    if (type === 'struct_ops') {
      const words = `program "${name}" of ${spec.name} belongs to a struct of functions for the kernel to call (struct_ops), which xdpkit reads and cannot load yet`;
      throw new XdpkitError('OBJECT_UNSUPPORTED', words, { hint: 'Name the other programs, to load those alone.' });
    }
    const { attachProgram, attachTo = program.attachTo } = asked;
    // What the section says of how to attach holds for the type that it says.
    const attachType = asked.attachType ?? (type === program.type ? program.attachType : undefined);
    return { program, type, attachType, attachTo, attachProgram };
  });
}

function usualPrograms({ programs }: ObjectSpec): string[] {
  return programs.flatMap(({ name, type, section }) => (type === undefined || section.startsWith('?') ? [] : [name]));
}

/** Programs that tail calls of the wanted ones reach; where their sections do not tell their type, of the same type. */
function withProgramsOfContents(spec: ObjectSpec, wanted: NonNullable<LoadOptions['programs']>) {
  const names = new Set(wanted.map((choice) => (typeof choice === 'string' ? choice : choice.name)));
  const [first] = wanted;
  const reached = [...new Set(programsOfContents(spec.maps))].filter((name) => !names.has(name));
  return [
    ...wanted,
    ...reached.map((name) => {
      const typed = spec.programs.some((program) => program.name === name && program.type !== undefined);
      return typed || first === undefined || typeof first === 'string' ? name : { ...first, name };
    }),
  ];
}

class UndoStack {
  #steps: (() => void)[] = [];

  add(step: () => void): void {
    this.#steps.push(step);
  }

  keepAll(): void {
    this.#steps = [];
  }

  [Symbol.dispose](): void {
    for (const step of this.#steps.reverse()) step();
  }
}
