/**
 * Which map of a program counts its packets. Decided by the map's type, sizes and BTF; its name only counts where no
 * BTF tells, or where a bare number could mean anything.
 */
import type { Btf } from '../btf/btf.js';
import type { MapInfo } from '../kernel/info.js';
import { counterSize, countersName, countersPerSlot } from '../object/chain/counters.js';
import { verdicts } from '../packet/verdict.js';

/** Where the counters lie in each entry of an array that is indexed by verdict or by receive queue. */
export interface StatisticsLayout {
  readonly by: 'verdict' | 'queue';
  readonly packets: CounterField;
  /** Undefined where the map counts packets only. */
  readonly bytes: CounterField | undefined;
}

export interface CounterField {
  /** Bytes from the start of the value. */
  readonly offset: number;
  readonly size: 4 | 8;
}

const chainFields: Pick<StatisticsLayout, 'packets' | 'bytes'> = {
  packets: { offset: 0, size: 8 },
  bytes: { offset: 8, size: 8 },
};

const usualNames: readonly string[] = ['xdp_stats', 'xdp_stats_map'];
/** The tutorials' AF_XDP program counts 32-bit packets by receive queue, of which it allows for 64. */
const tutorialQueues = 64;

/** The counters of a chain begin with its own, by verdict; those of its members follow. */
function isChainCounters({ name, type, valueSize, maxEntries }: MapInfo): boolean {
  const fits = valueSize === counterSize && maxEntries % countersPerSlot === 0;
  return name === countersName && type === 'percpu_array' && fits;
}

/** The layout of a statistics map; undefined for a map of another kind. `btf` is the one that the map was made with. */
export function recognizeLayout(info: MapInfo, btf: Btf | undefined): StatisticsLayout | undefined {
  const { type, maxEntries, keySize, valueSize, name } = info;
  if ((type !== 'array' && type !== 'percpu_array') || keySize !== 4) return undefined;
  if (isChainCounters(info)) return { by: 'verdict', ...chainFields };
  const isPlain = !btf || !info.valueType || isInteger(btf, info.valueType);
  const isNamed = usualNames.includes(name);
  if (maxEntries === verdicts.length) {
    const fields = btf && info.valueType ? counterFields(btf, info.valueType) : undefined;
    if (fields) return { by: 'verdict', ...fields };
    if (isNamed && valueSize === 8 && isPlain) {
      return { by: 'verdict', packets: { offset: 0, size: 8 }, bytes: undefined };
    }
    // Old-style maps have no BTF: then it is the tutorials' struct datarec or nothing.
    if (isNamed && valueSize === 16 && !info.valueType) {
      return { by: 'verdict', packets: { offset: 0, size: 8 }, bytes: { offset: 8, size: 8 } };
    }
  }
  if (isNamed && type === 'percpu_array' && valueSize === 4 && maxEntries === tutorialQueues && isPlain) {
    return { by: 'queue', packets: { offset: 0, size: 4 }, bytes: undefined };
  }
  return undefined;
}

/** A struct of other fields may have the size of a counter. */
function isInteger(btf: Btf, type: number): boolean {
  return btf.type(btf.resolve(type)).kind === 'int';
}

function counterFields(btf: Btf, valueType: number): Pick<StatisticsLayout, 'packets' | 'bytes'> | undefined {
  const type = btf.type(btf.resolve(valueType));
  if (type.kind !== 'struct') return undefined;
  const find = (pattern: RegExp): CounterField | undefined => {
    const member = type.members.find((each) => pattern.test(each.name) && each.bitSize === 0);
    const int = member && btf.type(btf.resolve(member.type));
    if (!member || int?.kind !== 'int' || (int.size !== 4 && int.size !== 8)) return undefined;
    return { offset: member.bitOffset / 8, size: int.size };
  };
  const packets = find(/^(rx_)?(packets|pkts)$/);
  return packets && { packets, bytes: find(/^(rx_)?bytes$/) };
}
