import { mapTypes } from '../uapi/bpf.generated.js';
import type { MapSpec } from './spec.js';

const namesByNumber = new Map(Object.entries(mapTypes).map(([name, number]) => [number as number, name]));

/** The kernel's name of a map type without prefix; `type 99` for one that is not known here. */
export function mapTypeName(number: number): string {
  return namesByNumber.get(number) ?? `type ${number}`;
}

/** A map whose definition says nothing. */
export const mapDefaults = {
  keySize: 0,
  valueSize: 0,
  maxEntries: 0,
  flags: 0,
  pinning: 'none',
  numaNode: undefined,
  mapExtra: 0n,
  keyType: undefined,
  valueType: undefined,
  inner: undefined,
  contents: [],
  initialValue: undefined,
  readOnly: false,
} as const satisfies Partial<MapSpec>;
