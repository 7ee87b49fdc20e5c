/** The oldest kernel that can take a program, as far as what the program uses tells. */
import { kernelFeatures } from '../kernel/features.js';
import { isOlderRelease } from '../linux/kernel-release.js';
import { helpers, mapTypes, programTypes } from '../uapi/bpf.generated.js';
import { sinceOf } from './since.js';

export interface LeastRelease {
  /** `5.18` */
  readonly release: string;
  /** What came with it: `bpf_xdp_load_bytes`, `maps of type ringbuf`. */
  readonly for: readonly string[];
}

/** What asks for a release of its own; types and helpers by their kernel names. */
export interface ProgramUses {
  readonly type: string | undefined;
  readonly helpers: readonly string[];
  readonly mapTypes: readonly string[];
  readonly frags: boolean;
  readonly sleepable: boolean;
  readonly subPrograms: boolean;
  /** Reads or writes global variables, strings and other constants among them. */
  readonly variables: boolean;
  readonly kernelFunctions: boolean;
}

/** Source of those that no table has: the commits that brought them, by the release that they first were in. */
const features = {
  subPrograms: { what: 'sub-programs', release: '4.16' },
  variables: { what: 'global variables', release: '5.2' },
  sleepable: { what: 'sleepable programs', release: '5.10' },
  kernelFunctions: { what: 'kernel functions', release: '5.13' },
  frags: { what: 'packets in several buffers', release: kernelFeatures.xdpFrags.since },
} as const;

/** Undefined where nothing that it uses is known here. */
export function leastRelease(uses: ProgramUses): LeastRelease | undefined {
  const wanted = [
    ...known('program', programTypes, uses.type === undefined ? [] : [uses.type], (name) => `programs of type ${name}`),
    ...known('helper', helpers, uses.helpers, (name) => `bpf_${name}`),
    ...known('map', mapTypes, uses.mapTypes, (name) => `maps of type ${name}`),
    ...Object.entries(features).flatMap(([name, feature]) => (uses[name as keyof typeof features] ? [feature] : [])),
  ];
  const [first, ...others] = wanted.map(({ release }) => release);
  if (first === undefined) return undefined;
  const release = others.reduce((most, one) => (isOlderRelease(most, one) ? one : most), first);
  return { release, for: wanted.filter((one) => one.release === release).map(({ what }) => what) };
}

/** Without those of which only a later release is known. */
function known(
  table: Parameters<typeof sinceOf>[0],
  numbers: object,
  names: readonly string[],
  words: (name: string) => string,
): { readonly what: string; readonly release: string }[] {
  return [...new Set(names)]
    .filter((name) => Object.hasOwn(numbers, name))
    .flatMap((name) => {
      const { release, bound } = sinceOf(table, name);
      return bound ? [] : [{ what: words(name), release }];
    });
}
