import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import type { Rate, Sample } from '../../stats/reader.js';
import { defineCommand, netnsFlag } from '../command.js';
import type { Output } from '../output.js';
import { wholeNumber } from '../parsers.js';
import type { Column } from '../table.js';
import { deviceFlag } from '../xdp-flags.js';

type Flags = { readonly dev: string; readonly netns?: string; readonly interval?: number; readonly count?: number };

export const stats = defineCommand<Flags, []>({
  brief: 'Show packets and bytes per verdict, with rates',
  description: [
    "Show packets and bytes per verdict from the statistics map of a device's program, summed over all CPUs, with the",
    'rates of the last interval: a live table on a terminal, a table an interval in a pipe, a JSON document a line with',
    '--json. Goes on until it is interrupted, or --count reports are made.',
  ].join('\n'),
  parameters: {
    flags: {
      dev: deviceFlag,
      netns: netnsFlag,
      interval: {
        kind: 'parsed',
        parse: seconds,
        optional: true,
        placeholder: 'SECONDS',
        brief: 'Time between two reports (1 when not given)',
      },
      count: {
        kind: 'parsed',
        parse: atLeastOne,
        optional: true,
        placeholder: 'N',
        brief: 'End after so many reports',
      },
    },
  },
  async run({ flags, output, context }) {
    const { StatisticsReader, ratesBetween } = await import('../../stats/reader.js');
    const { interval = 1, count = Number.POSITIVE_INFINITY } = flags;
    using reader = new StatisticsReader({ device: flags.dev, netns: flags.netns });
    let before = reader.read();
    let shown = 0;
    for (let report = 0; report < count; report += 1) {
      if (!(await waited(interval, context.signal))) return undefined;
      const sample = reader.read();
      const rates = ratesBetween(before, sample);
      output.document(sampleDocument(flags.dev, sample, rates, interval));
      if (!output.json) {
        const lines = await describe(output, flags.dev, sample, rates);
        if (report > 0 && output.live) output.goBack(shown);
        else if (report > 0) output.print();
        for (const line of lines) output.print(line);
        shown = rowsOf(lines, context.stdout.columns);
      }
      before = sample;
    }
    return undefined;
  },
});

function seconds(text: string): number {
  const number = Number(text);
  // What setTimeout takes is bounded.
  if (text.trim() === '' || !(number >= 0.01 && number <= 86_400))
    throw new Error(`'${text}' is no number of seconds from 0.01 to 86400`);
  return number;
}

function atLeastOne(text: string): number {
  const number = wholeNumber(text);
  if (number === 0) throw new Error('at least 1 report is made');
  return number;
}

/** False where the user ended it meanwhile. */
async function waited(seconds: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(seconds * 1000, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

const columns: readonly Column[] = [
  { title: 'VERDICT' },
  { title: 'PACKETS', align: 'right' },
  { title: 'BYTES', align: 'right' },
  { title: 'PACKETS/S', align: 'right' },
  { title: 'BITS/S', align: 'right' },
];

type Rates = ReadonlyMap<string, Rate> | undefined;

/** How many rows of a terminal lines take, which wraps what is wider than it is. */
function rowsOf(lines: readonly string[], width = Number.POSITIVE_INFINITY): number {
  return lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(stripVTControlCharacters(line).length / width)), 0);
}

async function describe(output: Output, device: string, sample: Sample, rates: Rates): Promise<string[]> {
  const { formatCount, formatRate } = await import('../units.js');
  const { renderTable } = await import('../table.js');
  const { program, map, counters, by } = sample;
  const rows = counters
    .filter(({ packets }) => by === 'verdict' || packets > 0n)
    .map(({ name, packets, bytes }) => {
      const rate = rates?.get(name);
      return [
        name,
        formatCount(packets),
        bytes === undefined ? '-' : formatCount(bytes),
        rate ? formatRate(rate.packetsPerSecond, 'pkt') : '-',
        rate?.bytesPerSecond === undefined ? '-' : formatRate(rate.bytesPerSecond * 8, 'bit'),
      ];
    });
  const titles = by === 'verdict' ? columns : [{ title: 'QUEUE' }, ...columns.slice(1)];
  return [
    `${device}: ${program.name} (program ${program.id}, ${program.mode}), map ${map.name} (${map.id})`,
    ...renderTable(titles, rows, { title: output.colors.dim }).trimEnd().split('\n'),
  ];
}

function sampleDocument(device: string, sample: Sample, rates: Rates, interval: number) {
  const { program, map, by, counters } = sample;
  return {
    device,
    time: new Date().toISOString(),
    interval,
    program,
    map,
    by,
    counters: counters.map(({ name, packets, bytes }) => {
      const rate = rates?.get(name);
      return {
        name,
        packets,
        bytes: bytes ?? null,
        packetsPerSecond: rate?.packetsPerSecond ?? null,
        bytesPerSecond: rate?.bytesPerSecond ?? null,
      };
    }),
  };
}
