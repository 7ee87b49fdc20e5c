/** From a spec to maps and programs in the kernel. */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { XdpkitError } from '../errors/error.js';
import { pageSize } from '../linux/ffi.js';
import type { FileDescriptor } from '../linux/file-descriptor.js';
import { liftMemoryLock } from '../linux/memory-lock.js';
import { placeArenaData } from '../object/arena.js';
import type { ObjectSpec } from '../object/spec.js';
import { chooseProgramsToLoad, type ProgramChoice } from './choose-programs.js';
import type { Degradation } from './degradation.js';
import { fillProgramArrays } from './fill-maps.js';
import type { Globals } from './globals.js';
import { type KernelLinkOptions, type LinkedForKernel, linkForKernel } from './link-for-kernel.js';
import { Fallbacks, type LoadFeatures } from './load-features.js';
import { loadMaps, type MapWishes } from './load-maps.js';
import { loadTypes } from './load-types.js';
import { Made } from './made.js';
import type { BpfMap } from './map.js';
import type { Migration } from './migrate-map.js';
import type { PinMismatch } from './pinned-maps.js';
import type { BpfProgram } from './program.js';
import { adaptProgram } from './program-fallbacks.js';
import { loadProgram, type VerifierLogWish } from './program-load.js';
import { readTargetBtf } from './target-btf.js';

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

/** Takes over the descriptor. */
type ProgramOf<Program> = (fd: FileDescriptor, name: string, type: string) => Program;

/**
 * Creates the maps, loads the programs. Where a step fails, all that was made before it is taken back, pins included.
 * Errors: `BYTE_ORDER`, `OBJECT_UNSUPPORTED`, `CORE_RELOCATION`, `EXTERN_UNRESOLVED`, `PROGRAM_NOT_FOUND`,
 * `TARGET_NOT_FOUND`, `MAP_CREATE`, `PIN_MISMATCH`, `VERIFIER`, `UNSUPPORTED`, `NOT_PERMITTED`.
 */
export function loadSpec<Program extends BpfProgram>(
  spec: ObjectSpec,
  options: LoadOptions,
  programOf: ProgramOf<Program>,
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
  const made = new Made();
  try {
    return loadLinked(spec, linked, options, programOf, made);
  } catch (error) {
    made.takeBack();
    throw error;
  }
}

function loadLinked<Program extends BpfProgram>(
  spec: ObjectSpec,
  linked: LinkedForKernel,
  options: LoadOptions,
  programOf: ProgramOf<Program>,
  made: Made,
): LoadedSpec<Program> {
  const { pinFolder = '/sys/fs/bpf', pinMismatch = 'fail', maps: given, offloadTo, verifierLog } = options;
  const fallbacks = new Fallbacks(options.features);
  const types = loadTypes(spec, fallbacks);
  using btfFd = types.fd;
  const wishes: MapWishes = {
    create: {
      btf: spec.btf,
      btfFd: btfFd?.number,
      ifindex: offloadTo,
      unnamed: fallbacks.lacks('objectNames'),
      note: (degradation) => fallbacks.note(degradation),
    },
    pins: { folder: pinFolder, mismatch: pinMismatch },
    given,
    settings: linked.settings,
  };
  const { maps, globals, fdOf, migrate } = loadMaps(spec, wishes, fallbacks, made);
  const programs = new Map<string, Program>();
  for (const { code, target, program, type, attachType, attachTo } of linked.programs) {
    const { name, frags, sleepable } = program;
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
      ifindex: offloadTo,
      verifierLog,
      mapFd: fdOf,
      moduleFd: linked.moduleFd,
      targetTypes: () => readTargetBtf(options.kernelBtf),
    });
    programs.set(name, made.keep(programOf(fd, name, type)));
  }
  fillProgramArrays(spec, programs, maps);
  return {
    programs,
    maps,
    globals,
    migrations: migrate(),
    degraded: [
      ...fallbacks.degraded,
      ...linked.degraded,
      ...spec.remarks.map((remark) => ({ name: 'object', ...remark, since: undefined })),
    ],
    removeNewPins: () => made.removeNewPins(),
    [Symbol.dispose]: () => made[Symbol.dispose](),
  };
}
