import { XdpkitError } from '../../errors/error.js';
import type { PingEvent, PingResult, Side } from '../../lab/index.js';
import { defineCommand } from '../command.js';
import { milliseconds, wholeNumber } from '../parsers.js';
import { formatDuration } from '../units.js';

type Flags = {
  readonly count: number;
  readonly interval: number;
  readonly timeout: number;
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  readonly from?: Side;
};

export const labPing = defineCommand<Flags, [string]>({
  brief: 'Ping one host of a lab from the other',
  description: 'Ping one host of a lab from the other. Exit code 7 when not a single answer came.',
  parameters: {
    positional: { kind: 'tuple', parameters: [{ brief: 'Name of the lab', parse: String, placeholder: 'NAME' }] },
    flags: {
      count: {
        kind: 'parsed',
        parse: wholeNumber,
        default: '4',
        placeholder: 'N',
        brief: 'Requests to send, 0 for no end',
      },
      interval: {
        kind: 'parsed',
        parse: milliseconds,
        default: '1000',
        placeholder: 'MS',
        brief: 'From one to the next',
      },
      timeout: { kind: 'parsed', parse: milliseconds, default: '1000', placeholder: 'MS', brief: 'Wait for an answer' },
      ipv4: { kind: 'boolean', optional: true, withNegated: false, brief: 'Use IPv4 (what is done by default)' },
      ipv6: { kind: 'boolean', optional: true, withNegated: false, brief: 'Use IPv6' },
      from: { kind: 'enum', values: ['left', 'right'], optional: true, brief: 'The host that asks (left by default)' },
    },
    aliases: { c: 'count', i: 'interval', W: 'timeout' },
  },
  async run({ flags, output, context }, name) {
    if (flags.ipv4 && flags.ipv6) throw new XdpkitError('USAGE', 'lab ping takes --ipv4 or --ipv6, not both');
    const { openLab, ping } = await import('../../lab/index.js');
    using lab = openLab(name);
    const from = lab.hosts[flags.from ?? 'left'];
    const to = lab.hosts[from.side === 'left' ? 'right' : 'left'];
    const destination = flags.ipv6 ? to.ipv6 : to.ipv4;
    output.print(`PING ${destination} (${to.name}) from ${from.name}`);
    const result = await ping({
      netns: from.netns,
      destination,
      count: flags.count === 0 ? Number.POSITIVE_INFINITY : flags.count,
      intervalMs: flags.interval,
      timeoutMs: flags.timeout,
      signal: context.signal,
      onEvent: (event) => output.print(eventLine(event, destination)),
    });
    for (const line of summaryLines(result)) output.print(line);
    output.document({ from: from.name, to: to.name, ...result });
    return result.received > 0 ? 0 : 7;
  },
});

function eventLine(event: PingEvent, destination: string): string {
  switch (event.kind) {
    case 'reply':
      return `answer from ${event.from}: seq=${event.sequence} time=${formatDuration(event.roundTrip / 1e6)}`;
    case 'duplicate':
      return `answer from ${event.from}: seq=${event.sequence} (once more)`;
    case 'problem':
      return `from ${event.from ?? 'this host'}: seq=${event.sequence} ${event.words}`;
    case 'lost':
      return `no answer from ${destination}: seq=${event.sequence}`;
  }
}

function summaryLines({ destination, sent, received, duplicates, roundTrips }: PingResult): string[] {
  const loss = sent === 0 ? 0 : ((sent - received) / sent) * 100;
  const again = duplicates > 0 ? `, ${duplicates} duplicates` : '';
  const lines = [
    '',
    `--- ${destination} ping statistics ---`,
    `${sent} packets transmitted, ${received} received${again}, ${Number(loss.toPrecision(3))}% packet loss`,
  ];
  if (roundTrips.length > 0) {
    const average = roundTrips.reduce((sum, one) => sum + one, 0) / roundTrips.length;
    const [least, most] = roundTrips.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [
      Number.POSITIVE_INFINITY,
      0,
    ] as [number, number]);
    lines.push(`round trip min/avg/max ${[least, average, most].map((one) => formatDuration(one / 1e6)).join(' / ')}`);
  }
  return lines;
}
