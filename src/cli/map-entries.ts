/** Entries of maps, for people and for programs. */
import type { BtfValue } from '../btf/codec.js';
import type { BpfMap } from '../kernel/map.js';
import { type MapText, sumOf } from '../kernel/map-text.js';
import { PerCpu } from '../kernel/per-cpu.js';
import type { Context } from './context.js';

/** Characters that an entry may take on one line, where nothing tells a width. */
const defaultWidth = 100;

export function widthOf({ stdout }: Context): number {
  return stdout.columns ?? defaultWidth;
}

/** `KEY = VALUE`, on as many lines as it needs; each CPU's value on lines of its own. */
export function describeEntry(text: MapText, key: BtfValue, value: BtfValue, perCpu: boolean, width: number): string {
  const head = `${text.formatKey(key, { width })} =`;
  const one = single(value, perCpu);
  if (one === undefined) return `${head}\n${eachCpu(text, value, width)}`;
  return `${head} ${text.formatValue(one, { width, used: lastLineLength(head) + 1 })}`;
}

export function describeValue(text: MapText, value: BtfValue, perCpu: boolean, width: number): string {
  const one = single(value, perCpu);
  return one === undefined ? eachCpu(text, value, width) : text.formatValue(one, { width });
}

/** The value, or the sum of a per-CPU one; undefined where each CPU's own is wanted, or they have no sum. */
function single(value: BtfValue, perCpu: boolean): BtfValue | undefined {
  if (!(value instanceof PerCpu)) return value;
  return perCpu ? undefined : sumOf(value);
}

function eachCpu(text: MapText, value: BtfValue, width: number): string {
  const lines = (value as PerCpu).map((each, cpu) => {
    const head = `  CPU ${cpu}: `;
    return `${head}${text.formatValue(each, { width, used: head.length, indent: 2 })}`;
  });
  return lines.join('\n');
}

function lastLineLength(text: string): number {
  return text.length - (text.lastIndexOf('\n') + 1);
}

/** `value` for the one value or the sum, `values` for one of each CPU. */
export function entryDocument(text: MapText, key: BtfValue, value: BtfValue, perCpu: boolean): object {
  const one = single(value, perCpu);
  return one === undefined
    ? { key, values: (value as PerCpu).map((each) => text.documentOf(each)) }
    : { key, value: text.documentOf(one) };
}

/** One document an entry, as they are read. */
export function* entryDocuments(map: BpfMap, text: MapText, perCpu: boolean): Generator<object> {
  for (const [key, value] of map) yield entryDocument(text, key, value, perCpu);
}
