/** Carrying the entries of a map over to one of another shape. */
import { type CopyPlan, copyValue, planCopy } from '../btf/copy-plan.js';
import type { TypeInBtf } from '../btf/layout-difference.js';
import { XdpkitError } from '../errors/error.js';
import { possibleCpus } from '../linux/cpu.js';
import type { BpfMap } from './map.js';
import { isPerCpu } from './map-codecs.js';
import { perCpuStride } from './per-cpu.js';

export interface Migration {
  /** By its name in the object. */
  readonly map: string;
  readonly entries: number;
  /** Fields of keys and values that are new, and zero. */
  readonly added: readonly string[];
  /** Fields of values that are gone. */
  readonly dropped: readonly string[];
}

/** A map with what BTF says of its keys and values. */
export interface TypedMap {
  readonly map: BpfMap;
  readonly key: TypeInBtf | undefined;
  readonly value: TypeInBtf | undefined;
}

/** Types that differ in how they make room, and not in what they hold. */
const families = [
  ['hash', 'lru_hash'],
  ['percpu_hash', 'lru_percpu_hash'],
  ['array'],
  ['percpu_array'],
  ['lpm_trie'],
] as const satisfies readonly (readonly string[])[];

/**
 * Copies every entry, field by field, by name. What programs write to the old map meanwhile is not carried over. Errors:
 * `PIN_MISMATCH` with the fields that cannot be, `MAP_FULL`.
 */
export function migrateEntries(from: TypedMap, to: TypedMap, what: string): Migration {
  const problems: string[] = [];
  const [old, now] = [from.map.definition, to.map.definition];
  const family = families.find((types: readonly string[]) => types.includes(old.type));
  if (!(family as readonly string[] | undefined)?.includes(now.type)) {
    problems.push(`its type was ${old.type} and is ${now.type}`);
  } else if (old.type.endsWith('array') && now.maxEntries < old.maxEntries) {
    problems.push(`it shrinks from ${old.maxEntries} entries to ${now.maxEntries}`);
  }
  const key = planPart('key', from.key, old.keySize, to.key, now.keySize);
  const value = planPart('value', from.value, old.valueSize, to.value, now.valueSize);
  problems.push(...key.problems, ...value.problems);
  if (key.dropped.length > 0) problems.push(`keys lose ${key.dropped.join(', ')}, and would no longer differ`);
  if (problems.length > 0) {
    throw new XdpkitError('PIN_MISMATCH', `${what}: its entries cannot be carried over: ${problems.join('; ')}`, {
      hint: 'Make it new where its entries are not needed (--pin-mismatch recreate), or change the definition.',
    });
  }
  const entries = copyEntries(from.map, to.map, key, value);
  return { map: to.map.name, entries, added: [...key.added, ...value.added], dropped: value.dropped };
}

/** Without types bytes are bytes. */
function planPart(
  part: 'key' | 'value',
  from: TypeInBtf | undefined,
  fromSize: number,
  to: TypeInBtf | undefined,
  toSize: number,
): CopyPlan {
  const whole = {
    moves: [{ kind: 'bytes', from: 0, to: 0, size: fromSize }],
    added: [],
    dropped: [],
    problems: [],
  } as const;
  if (from === undefined || to === undefined) {
    if (fromSize === toSize) return whole;
    return {
      ...whole,
      problems: [`its ${part} has ${toSize} bytes, not ${fromSize}, and no types tell which field is which`],
    };
  }
  const plan = planCopy(from, to);
  return { ...plan, problems: plan.problems.map((problem) => `${part}: ${problem}`) };
}

function copyEntries(from: BpfMap, to: BpfMap, key: CopyPlan, value: CopyPlan): number {
  const { definition: old, keyCodec, valueCodec } = from;
  const now = to.definition;
  const cpus = isPerCpu(old.type) ? possibleCpus() : 1;
  const strideOf = (size: number): number => (isPerCpu(old.type) ? perCpuStride(size) : size);
  const [fromStride, toStride] = [strideOf(old.valueSize), strideOf(now.valueSize)];
  let entries = 0;
  for (const batch of from.batches()) {
    const keys = new Uint8Array(batch.count * now.keySize);
    const values = new Uint8Array(batch.count * toStride * cpus);
    for (let index = 0; index < batch.count; index += 1) {
      copyValue(
        key.moves,
        batch.keys.subarray(index * keyCodec.size),
        keys.subarray(index * now.keySize, (index + 1) * now.keySize),
      );
      for (let cpu = 0; cpu < cpus; cpu += 1) {
        const target = (index * cpus + cpu) * toStride;
        copyValue(
          value.moves,
          batch.values.subarray(index * valueCodec.size + cpu * fromStride),
          values.subarray(target, target + now.valueSize),
        );
      }
    }
    to.updateBatch(keys, values, batch.count);
    entries += batch.count;
  }
  return entries;
}
