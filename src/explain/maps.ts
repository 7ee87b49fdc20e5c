import { probeMapType, type TypeState } from '../kernel/probe-types.js';
import { mapTypes } from '../uapi/bpf.generated.js';
import { knownName } from './names.js';
import { type Since, sinceOf } from './since.js';
import { type MapWords, mapFlags, mapWords } from './words/maps.js';

export type MapTypeName = Exclude<keyof typeof mapTypes, 'unspec'>;

export interface ExplainedMapType extends Omit<MapWords, 'flags' | 'notes'> {
  /** Kernel name, `lpm_trie`. */
  readonly name: string;
  readonly number: number;
  readonly since: Since;
  /** Asked by making one. */
  readonly here: TypeState;
  /** By name without BPF_F_, with what each does. */
  readonly flags: readonly { readonly name: string; readonly what: string }[];
  readonly notes: readonly string[];
}

export const mapTypeNames = (Object.keys(mapTypes) as (keyof typeof mapTypes)[]).filter(
  (name): name is MapTypeName => name !== 'unspec',
);

/** By number. Needs CAP_BPF or root to see which the kernel has. */
export function listMapTypes(): ExplainedMapType[] {
  return mapTypeNames.map(describe);
}

/** `name` as in `lpm_trie` or `BPF_MAP_TYPE_LPM_TRIE`. Errors: `USAGE` with names like it. */
export function explainMapType(name: string): ExplainedMapType {
  return describe(knownName(name, mapTypeNames, { what: 'map type', prefixes: /^bpf_map_type_/ }));
}

function describe(name: MapTypeName): ExplainedMapType {
  const { flags = [], notes = [], ...words } = mapWords[name] as MapWords;
  return {
    ...words,
    name,
    number: mapTypes[name],
    since: sinceOf('map', name),
    here: probeMapType(name),
    flags: flags.map((flag) => ({ name: flag, what: mapFlags[flag] })),
    notes,
  };
}
