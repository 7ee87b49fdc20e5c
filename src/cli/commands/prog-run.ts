import { statSync } from 'node:fs';
import { XdpkitError } from '../../errors/error.js';
import type { Degradation } from '../../kernel/degradation.js';
import type { BpfProgram } from '../../kernel/program.js';
import { defineCommand, netnsFlag } from '../command.js';
import type { Output } from '../output.js';
import { repeatCount, wholeNumber } from '../parsers.js';
import { reportDegraded } from '../report-degraded.js';
import type { ReportedRun } from '../run-report.js';
import { formatCount, formatDuration } from '../units.js';
import { deviceFlag, programFlag } from '../xdp-flags.js';

type Flags = {
  readonly packet?: readonly string[];
  readonly repeat?: number;
  readonly fresh?: boolean;
  readonly expect?: string;
  readonly dataOut?: boolean;
  readonly prog?: string;
  readonly type?: string;
  readonly dev?: string;
  readonly netns?: string;
  readonly queue?: number;
  readonly metadata?: string;
  readonly context?: string;
  readonly live?: boolean;
  readonly batch?: number;
};

const exitUnexpected = 7;

export const progRun = defineCommand<Flags, [string]>({
  brief: 'Run a program on packets that never were on a wire, and show what it makes of them',
  description: [
    'Runs a program on packets that never were on a wire, and shows its verdict and what it changed.',
    '',
    'A program of an object file is loaded for the run, with maps of its own. One that is in the kernel already works',
    'on its own maps: counters go up. With --repeat each run begins with the packet that the one before left, so that',
    'the time of a program that changes its packet is that of other packets: --fresh measures it on the packet given.',
    '',
    'Packets in words are layers with their fields: \'eth/ip dst 10.0.0.1 ttl 3/udp dport 53/data "hello"\'. What is left',
    'out is put in (udp alone is eth/ip/udp), lengths, types and checksums follow unless given (sum wrong, len 9).',
    'Layers: eth, vlan, mpls, arp, ip, ip6, hopopts, routing, fragment, dstopts, udp, tcp, icmp, icmp6, gre, vxlan;',
    'bytes: data "text", data 0x0102, zeros N, random N seed N, trailer. A field that a layer has not is answered by',
    'those that it has.',
    '',
    'With --live the frames go where the verdicts send them: into the stack of --dev, out of it, to other devices.',
  ].join('\n'),
  parameters: {
    flags: {
      packet: {
        kind: 'parsed',
        parse: String,
        variadic: true,
        optional: true,
        placeholder: 'WORDS|HEX|@FILE',
        brief: 'From its Ethernet header on; a file has one, or many in pcap or pcapng',
      },
      repeat: {
        kind: 'parsed',
        parse: repeatCount,
        optional: true,
        placeholder: 'COUNT',
        brief: 'How often it runs on each, or how many live frames there are (once when not given)',
      },
      fresh: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: 'Repeat on a fresh copy of the packet each time, and take off what measuring costs',
      },
      expect: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'VERDICT',
        brief: 'What must be returned for each, by name or number; another ends with exit code 7',
      },
      dataOut: { kind: 'boolean', optional: true, withNegated: false, brief: 'Print all of the packet afterwards' },
      prog: programFlag,
      type: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'TYPE',
        brief: "The type of an object's program, as in xdp (as its section says when not given)",
      },
      dev: {
        ...deviceFlag,
        optional: true,
        brief: 'The device that packets seem to come from (XDP; lo when not given)',
      },
      netns: netnsFlag,
      queue: {
        kind: 'parsed',
        parse: wholeNumber,
        optional: true,
        placeholder: 'N',
        brief: "The device's receive queue (XDP)",
      },
      metadata: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'HEX',
        brief: 'Metadata before the packet, a multiple of four bytes (XDP)',
      },
      context: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'FIELD=N,…|HEX|@FILE',
        brief: 'The context of other types, as in mark=5,priority=1 of struct __sk_buff',
      },
      live: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: 'Let the frames go where the verdicts send them (XDP, with --dev)',
      },
      batch: {
        kind: 'parsed',
        parse: wholeNumber,
        optional: true,
        placeholder: 'N',
        brief: 'Live frames in flight at once, 1 to 256 (64 when not given)',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: 'An object file, or a program of the kernel: its id, where it is pinned, or its name',
          parse: String,
          placeholder: 'OBJECT|ID|PIN|NAME',
        },
      ],
    },
  },
  async run({ flags, output }, reference) {
    checkFlags(flags);
    const { readPackets } = await import('../packet-argument.js');
    const packets = (await Promise.all((flags.packet ?? []).map(readPackets))).flat();
    using opened = await openProgram(reference, flags);
    const { program, degraded } = opened;
    reportDegraded(output, degraded);
    if (flags.live) return await runLiveFrames(output, program, packets, flags);
    const { printRun, runDocument, isTimeBlurred } = await import('../run-report.js');
    const reports = await runAll(program, packets, flags);
    for (const [index, report] of reports.entries()) {
      if (reports.length > 1) {
        output.print(`${index > 0 ? '\n' : ''}packet ${index + 1}, ${report.before?.length ?? 0} bytes`);
      }
      printRun(output, report, { type: program.type, dataOut: flags.dataOut === true });
    }
    if (reports.some(isTimeBlurred)) {
      output.note(
        'note: the program changes its packet, and each run began with what the one before left: the verdict is that of the last run, the time not that of the packet given, which --fresh measures',
      );
    }
    output.document({
      program: { id: program.id, name: program.name, type: program.type },
      degraded,
      repeat: flags.repeat ?? 1,
      runs: reports.map(runDocument),
    });
    return reports.some(({ expected }) => expected === false) ? exitUnexpected : undefined;
  },
});

function checkFlags({ live, dev, fresh, repeat, expect, batch, context, metadata, queue }: Flags): void {
  const refuse = (problem: string): never => {
    throw new XdpkitError('USAGE', problem);
  };
  if (live && dev === undefined) refuse('--live needs the device that frames come from: --dev');
  if (live && expect !== undefined) refuse('--expect: the kernel does not tell the verdicts of live frames');
  if (live && fresh) refuse('--fresh is not for live frames');
  if (!live && batch !== undefined) refuse('--batch is about live frames: give --live');
  if (fresh && repeat === undefined) refuse('--fresh needs --repeat: how many times');
  if (context !== undefined && (metadata !== undefined || queue !== undefined)) {
    refuse('--context is for other types than XDP, whose context is --dev, --queue and --metadata');
  }
}

async function runAll(program: BpfProgram, packets: readonly Uint8Array[], flags: Flags): Promise<ReportedRun[]> {
  const { runPacket } = await import('../../xdp/run-packet.js');
  const { timeProgram } = await import('../../xdp/time-program.js');
  const { expectedNumber } = await import('../../xdp/return-name.js');
  const { dev: device, netns, queue, repeat = 1, fresh } = flags;
  const wanted = flags.expect === undefined ? undefined : expectedNumber(program.type, flags.expect);
  const options = {
    device,
    netns,
    queue,
    metadata: await metadataOf(flags),
    context: await contextFrom(program, flags),
  };
  return (packets.length > 0 ? packets : [undefined]).map((packet) => {
    const run = runPacket(program, { ...options, packet, repeat: fresh ? 1 : repeat });
    // The run that was shown is the first of them.
    const time = fresh ? timeProgram(program, { ...options, packet }, Math.max(1, repeat - 1)) : undefined;
    return {
      before: packet,
      metadataBefore: options.metadata,
      run,
      repeat,
      time,
      expected: wanted === undefined ? undefined : wanted === (run.returned | 0),
    };
  });
}

async function metadataOf({ metadata }: Flags): Promise<Uint8Array | undefined> {
  const { parseHex } = await import('../packet-argument.js');
  return metadata === undefined ? undefined : parseHex(metadata, 'metadata');
}

async function contextFrom(program: BpfProgram, { context }: Flags): Promise<Uint8Array | undefined> {
  if (context === undefined) return undefined;
  if (!context.includes('=')) return (await import('../packet-argument.js')).readHexOrFile(context, 'context');
  const { contextOf } = await import('../../xdp/context-fields.js');
  const fields = context.split(',').map((part) => {
    const [, name = '', number = ''] = /^(\w+)=(0x[0-9a-f]+|\d+)$/i.exec(part) ?? [];
    if (name === '') throw new XdpkitError('USAGE', `--context: '${part}' is no FIELD=NUMBER`);
    return [name, Number(number)] as const;
  });
  return contextOf(program.type, Object.fromEntries(fields));
}

async function runLiveFrames(
  output: Output,
  program: BpfProgram,
  packets: readonly Uint8Array[],
  flags: Flags,
): Promise<undefined> {
  const { runLive } = await import('../../xdp/run-live.js');
  const { dev: device = '', netns, queue, repeat: count = 1, batch: batchSize } = flags;
  if (packets.length === 0) throw new XdpkitError('USAGE', '--live needs a packet: --packet');
  const metadata = await metadataOf(flags);
  const runs = packets.map((packet) => runLive(program, { packet, device, netns, queue, metadata, count, batchSize }));
  for (const { frames, duration } of runs) {
    output.print(`${formatCount(frames)} live frames, ${formatDuration(duration / 1e9)} each`);
  }
  if (runs.some(({ frames }) => frames < fewFrames)) {
    output.note(`note: below some ${formatCount(fewFrames)} frames the time is mostly that of setting up their pages`);
  }
  output.document({
    program: { id: program.id, name: program.name, type: program.type },
    device,
    live: runs.map(({ frames, duration }) => ({ frames, nanoseconds: duration })),
  });
  return undefined;
}

const fewFrames = 16_000;

async function openProgram(
  reference: string,
  { prog, type }: Flags,
): Promise<Disposable & { readonly program: BpfProgram; readonly degraded: readonly Degradation[] }> {
  if (isObject(reference)) {
    const { openObject } = await import('../../loader/open.js');
    const { loadAlone } = await import('../../loader/load-alone.js');
    return loadAlone(await openObject(reference), { program: prog, type });
  }
  if (prog !== undefined || type !== undefined) {
    throw new XdpkitError('USAGE', `--prog and --type are about an object file, and '${reference}' is none`);
  }
  const { findProgram } = await import('../../kernel/find-program.js');
  const program = findProgram(reference);
  return { program, degraded: [], [Symbol.dispose]: () => program[Symbol.dispose]() };
}

/** Pins are files too, but empty ones; a name that ends like an object is one that is missing. */
function isObject(reference: string): boolean {
  if (reference.endsWith('.o')) return true;
  const file = statSync(reference, { throwIfNoEntry: false });
  return file?.isFile() === true && file.size > 0;
}
