/** Where the chain's function counts: a per-CPU array with an entry for each verdict of each member. */
import { verdicts } from '../../packet/verdict.js';
import { mapTypes } from '../../uapi/bpf.generated.js';
import { mapDefaults } from '../map-defaults.js';
import type { MapSpec } from '../spec.js';

export const countersName = 'chain_counters';

/** Entry `slot * countersPerSlot + verdict`; slot 0 is the chain's own, what it answered in the end. */
export const countersPerSlot = verdicts.length;
export const chainSlot = 0;

/** Bytes of packets and bytes, 64 bits each, in the host's byte order. */
export const counterSize = 16;

export function countersMap(slots: number, types: { readonly key: number; readonly value: number }): MapSpec {
  return {
    ...mapDefaults,
    name: countersName,
    origin: 'btf',
    type: 'percpu_array',
    typeNumber: mapTypes.percpu_array,
    keySize: 4,
    valueSize: counterSize,
    maxEntries: slots * countersPerSlot,
    keyType: types.key,
    valueType: types.value,
  };
}
