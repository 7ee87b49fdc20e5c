/**
 * What loading an object may ask of a kernel, and what is done where the kernel does not know it. The design goes down to
 * Linux 5.4; what is older costs a line each. Sources: libbpf `src/features.c`, `src/libbpf.c`; the kernel's history.
 */
import { add, assemble, call, exit, loadImmediate64, mov, movRegister, storeImmediate } from '../asm/assemble.js';
import { kindNumbers } from '../btf/kinds.js';
import type { BtfFeature } from '../btf/sanitize.js';
import { isOlderRelease, kernelOlderThan } from '../linux/kernel-release.js';
import { helpers } from '../uapi/bpf.generated.js';
import type { Degradation } from './degradation.js';
import { defineFeature, type KernelFeature } from './feature.js';
import { createProbeMap, loadProbeBtf, loadProbeProgram, thenClose } from './probe-calls.js';

export interface LoadFeature extends Pick<KernelFeature, 'name' | 'since' | 'probe'> {
  /** What is done without it. */
  readonly instead: string;
}

type Attempt = () => number;

function feature(name: string, since: string, instead: string, attempt: Attempt): LoadFeature {
  const { probe } = defineFeature({ name, since, what: name, needs: ['bpf'], attempt: () => thenClose(attempt()) });
  return { name, since, instead, probe };
}

const kind = (name: keyof typeof kindNumbers, length = 0): number => (kindNumbers[name] << 24) | length;
/** The records of an int, id 1, and of a prototype of one parameter, id 2. */
const int = [1, kind('int'), 4, (1 << 24) | 32];
const prototype = [0, kind('function-prototype', 1), 0, 5, 1];
const strings = '\0int\0a\0';

export const loadFeatures = {
  objectNames: feature('names of programs and maps', '4.15', 'programs and maps have no names', () =>
    loadProbeProgram({ type: 'socket_filter', name: 'probe' }),
  ),
  expectedAttachType: feature(
    'expected attach types',
    '4.17',
    'the kernel is not told at load what programs will be attached to',
    () => loadProbeProgram({ type: 'cgroup_sock', attachType: 'cgroup_inet_sock_create', returns: 1 }),
  ),
  btf: feature('BTF', '4.18', 'the kernel is given no types: it shows no source lines', () =>
    loadProbeBtf(int, strings),
  ),
  btfFunctions: feature(
    'functions in BTF',
    '5.0',
    'the kernel is given no types of functions and no source lines',
    () => loadProbeBtf([...int, ...prototype, 5, kind('function'), 2], strings),
  ),
  globalData: feature('global data', '5.2', 'data sections have no maps, and programs cannot use their variables', () =>
    thenLoadGlobal(),
  ),
  btfSections: feature('sections and variables in BTF', '5.2', 'sections became structs in the types', () =>
    loadProbeBtf([...int, 5, kind('variable'), 1, 0, 5, kind('section', 1), 4, 2, 0, 4], strings),
  ),
  mappableArrays: feature('mappable arrays', '5.5', 'global variables are read and written by system calls', () =>
    createProbeMap({ flags: 1 << 10 }),
  ),
  probeReadKernel: feature(
    'bpf_probe_read_kernel',
    '5.5',
    'bpf_probe_read stands for bpf_probe_read_kernel and bpf_probe_read_user',
    () =>
      loadProbeProgram({
        type: 'tracepoint',
        code: assemble(movRegister(1, 10), add(1, -8), mov(2, 8), mov(3, 0), call(helpers.probe_read_kernel), exit()),
      }),
  ),
  btfGlobalFunctions: feature(
    'global functions in BTF',
    '5.6',
    'global functions are verified as static ones are',
    () => loadProbeBtf([...int, ...prototype, 5, kind('function', 1), 2], strings),
  ),
  btfFloats: feature('floats in BTF', '5.13', 'floats became structs of their size in the types', () =>
    loadProbeBtf([5, kind('float'), 4], strings),
  ),
  btfDeclarationTags: feature('declaration tags in BTF', '5.16', 'declaration tags were taken from the types', () =>
    loadProbeBtf([...int, 5, kind('variable'), 1, 0, 5, kind('declaration-tag'), 2, -1], strings),
  ),
  btfTypeTags: feature('type tags in BTF', '5.17', 'type tags became const in the types', () =>
    loadProbeBtf([...int, 5, kind('type-tag'), 1, 0, kind('pointer'), 2], strings),
  ),
  btfEnum64: feature(
    'enums of 64 bits in BTF',
    '6.0',
    'enums of 64 bits became unions in the types, and no enum says that it is signed',
    () => loadProbeBtf([5, kind('enum64'), 8], strings),
  ),
} as const satisfies Record<string, LoadFeature>;

export type LoadFeatureName = keyof typeof loadFeatures;
export type LoadFeatures = Readonly<Record<LoadFeatureName, LoadFeature>>;

export const featureOfBtf: Readonly<Record<BtfFeature, LoadFeatureName>> = {
  functions: 'btfFunctions',
  sections: 'btfSections',
  'global-functions': 'btfGlobalFunctions',
  floats: 'btfFloats',
  'declaration-tags': 'btfDeclarationTags',
  'type-tags': 'btfTypeTags',
  enum64: 'btfEnum64',
};

function thenLoadGlobal(): number {
  return thenClose(createProbeMap({ valueSize: 32 }), (fd) =>
    loadProbeProgram({
      type: 'socket_filter',
      code: assemble(loadImmediate64(1, BigInt(fd), 'mapValue'), storeImmediate('double', 1, 0, 42), mov(0, 0), exit()),
    }),
  );
}

/** Features as kernels of a release had them: for trying how an object would load there. */
export function loadFeaturesOf(release: string): LoadFeatures {
  const entries = Object.entries(loadFeatures).map(([name, each]) => [
    name,
    {
      ...each,
      probe: () =>
        isOlderRelease(release, each.since)
          ? {
              available: false,
              because: 'absent',
              reason: `Linux ${each.since} brought it, and ${release} is asked for`,
            }
          : { available: true },
    },
  ]);
  return Object.fromEntries(entries) as LoadFeatures;
}

/** Collects what a load does without. */
export class Fallbacks {
  readonly #features: LoadFeatures;
  readonly #isRunning: boolean;
  readonly #degraded = new Map<string, Degradation>();

  /** Of the running kernel unless given. */
  constructor(given: LoadFeatures | undefined) {
    this.#features = given ?? loadFeatures;
    this.#isRunning = given === undefined;
  }

  get degraded(): readonly Degradation[] {
    return [...this.#degraded.values()];
  }

  /**
   * Whether the kernel lacks a feature that is about to be used: then its replacement is noted. A kernel that is newer
   * than the feature has it, and is not asked; distributions' older ones may have got it since, and are.
   */
  lacks(name: LoadFeatureName): boolean {
    if (!this.mayLack(name)) return false;
    const { since, instead, probe } = this.#features[name];
    const state = probe();
    if (state.available || state.because !== 'absent') return false;
    this.#degraded.set(name, { name, what: instead, why: state.reason, since });
    return true;
  }

  /** Without asking the kernel. */
  mayLack(name: LoadFeatureName): boolean {
    return !this.#isRunning || kernelOlderThan(this.#features[name].since);
  }

  /** The same is told once. */
  note(degradation: Degradation): void {
    this.#degraded.set(`${degradation.name} ${degradation.what}`, degradation);
  }
}
