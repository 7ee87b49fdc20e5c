/** What changed in a packet, in the words of its fields. */
import { type DescribedLayer, describePacket } from './describe.js';

export interface FieldDifference {
  /** `ip`; `ip 2` for the second one of a packet. */
  readonly layer: string;
  /** Undefined where the whole layer came or went. */
  readonly field: string | undefined;
  /** As the packet grammar has it; undefined where it was not there before, or is not any more. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Compares two packets layer by layer: those that came or went are told as such, the others field by field. */
export function compareFields(before: Uint8Array, after: Uint8Array): FieldDifference[] {
  const [left, right] = [describePacket(before).layers, describePacket(after).layers];
  const pairs = align(left, right);
  const titles = { left: titlesOf(left), right: titlesOf(right) };
  return pairs.flatMap(([one, other]): FieldDifference[] => {
    const [was, is] = [left[one ?? -1], right[other ?? -1]];
    const layer = titles.right[other ?? -1] ?? titles.left[one ?? -1] ?? '';
    if (was === undefined || is === undefined || is.fields.length === 0) {
      if (was?.text === is?.text) return [];
      return [{ layer, field: undefined, before: was?.text, after: is?.text }];
    }
    const old = new Map(was.fields.map(({ name, text }) => [name, text]));
    const now = new Map(is.fields.map(({ name, text }) => [name, text]));
    return [...new Set([...old.keys(), ...now.keys()])]
      .filter((field) => old.get(field) !== now.get(field))
      .map((field) => ({ layer, field, before: old.get(field), after: now.get(field) }));
  });
}

type Pair = readonly [number | undefined, number | undefined];

/** Layers of the same name, in the same order, as many as there are (the longest common subsequence). */
function align(left: readonly DescribedLayer[], right: readonly DescribedLayer[]): Pair[] {
  const same = (one: number, other: number): boolean => left[one]?.name === right[other]?.name;
  const lengths = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  const length = (one: number, other: number): number => lengths[one]?.[other] ?? 0;
  for (let one = left.length - 1; one >= 0; one -= 1) {
    for (let other = right.length - 1; other >= 0; other -= 1) {
      const row = lengths[one] as number[];
      row[other] = same(one, other)
        ? length(one + 1, other + 1) + 1
        : Math.max(length(one + 1, other), length(one, other + 1));
    }
  }
  const pairs: Pair[] = [];
  let [one, other] = [0, 0];
  while (one < left.length || other < right.length) {
    if (one < left.length && other < right.length && same(one, other)) pairs.push([one++, other++]);
    else if (other >= right.length || (one < left.length && length(one + 1, other) >= length(one, other + 1))) {
      pairs.push([one++, undefined]);
    } else pairs.push([undefined, other++]);
  }
  return pairs;
}

function titlesOf(layers: readonly DescribedLayer[]): string[] {
  const met = new Map<string, number>();
  return layers.map(({ name }) => {
    const count = (met.get(name) ?? 0) + 1;
    met.set(name, count);
    return count === 1 ? name : `${name} ${count}`;
  });
}
