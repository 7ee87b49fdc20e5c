import { statSync } from 'node:fs';
import { XdpkitError } from '../../errors/error.js';
import type { BpfProgram } from '../../kernel/program.js';
import type { PacketRun } from '../../xdp/run-packet.js';
import { defineCommand, netnsFlag } from '../command.js';
import type { Output } from '../output.js';
import { repeatCount, wholeNumber } from '../parsers.js';
import { formatDuration } from '../units.js';
import { deviceFlag, programFlag } from '../xdp-flags.js';

type Flags = {
  readonly packet: string;
  readonly repeat?: number;
  readonly dataOut?: boolean;
  readonly prog?: string;
  readonly type?: string;
  readonly dev?: string;
  readonly netns?: string;
  readonly queue?: number;
  readonly metadata?: string;
};

export const progRun = defineCommand<Flags, [string]>({
  brief: 'Run a program on packets that never were on a wire, and show what it makes of them',
  description: [
    'Runs a program on packets that never were on a wire, and shows its verdict and what it changed.',
    '',
    'A program of an object file is loaded for the run, with maps of its own. One that is in the kernel already works',
    'on its own maps: counters go up. With --repeat each run begins with the packet that the one before left.',
  ].join('\n'),
  parameters: {
    flags: {
      packet: {
        kind: 'parsed',
        parse: String,
        placeholder: 'HEX|@FILE',
        brief: 'From its Ethernet header on; a file has the bytes of one, or many in pcap',
      },
      repeat: {
        kind: 'parsed',
        parse: repeatCount,
        optional: true,
        placeholder: 'COUNT',
        brief: 'How often it runs on each (once when not given)',
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
    const { parseHex, readPackets } = await import('../packet-argument.js');
    const { runPacket } = await import('../../xdp/run-packet.js');
    const packets = await readPackets(flags.packet);
    const metadata = flags.metadata === undefined ? undefined : parseHex(flags.metadata, 'metadata');
    using opened = await openProgram(reference, flags);
    const { program } = opened;
    const { dev: device, netns, queue, repeat } = flags;
    const runs = packets.map((packet) => ({
      before: packet,
      run: runPacket(program, { packet, repeat, device, netns, queue, metadata }),
    }));
    for (const [index, { before, run }] of runs.entries()) {
      if (runs.length > 1) output.print(`${index > 0 ? '\n' : ''}packet ${index + 1}, ${before.length} bytes`);
      await printRun(output, before, run, { ...flags, isXdp: program.type === 'xdp' });
    }
    output.document({
      program: { id: program.id, name: program.name, type: program.type },
      repeat: repeat ?? 1,
      runs: await Promise.all(runs.map(({ before, run }) => runDocument(before, run))),
    });
    return undefined;
  },
});

async function openProgram(
  reference: string,
  { prog, type }: Flags,
): Promise<Disposable & { readonly program: BpfProgram }> {
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
  return { program, [Symbol.dispose]: () => program[Symbol.dispose]() };
}

/** Pins are files too, but empty ones; a name that ends like an object is one that is missing. */
function isObject(reference: string): boolean {
  if (reference.endsWith('.o')) return true;
  const file = statSync(reference, { throwIfNoEntry: false });
  return file?.isFile() === true && file.size > 0;
}

async function printRun(
  output: Output,
  before: Uint8Array,
  run: PacketRun,
  { repeat = 1, dataOut, isXdp }: Flags & { readonly isXdp: boolean },
): Promise<void> {
  const { comparePackets } = await import('../../packet/difference.js');
  const { changedRows, hexRows } = await import('../hex.js');
  const { front, end, changes } = comparePackets(before, run.packet);
  output.print(
    `verdict  ${output.colors.bold(run.verdict ?? String(run.returned))}${isXdp && run.verdict === undefined ? ', no verdict of XDP: the kernel takes it for ABORTED' : ''}`,
  );
  output.print(`time     ${formatDuration(run.duration / 1e9)}${repeat > 1 ? ` each, the average of ${repeat}` : ''}`);
  const lengths = [describeLength(front, 'the front'), describeLength(end, 'the end')].filter((text) => text !== '');
  if (lengths.length > 0) output.print(`length   ${before.length} → ${run.packet.length} bytes: ${lengths.join(', ')}`);
  if (run.metadata.length > 0) output.print(`metadata ${Buffer.from(run.metadata).toString('hex')}`);
  const count = changes.reduce((sum, { after }) => sum + after.length, 0);
  output.print(`changed  ${count === 0 ? 'nothing' : `${count} ${count === 1 ? 'byte' : 'bytes'}`}`);
  for (const row of changedRows(before, run.packet, output.colors)) output.print(`  ${row}`);
  if (dataOut) {
    output.print('packet');
    for (const row of hexRows(run.packet)) output.print(`  ${row}`);
  }
}

function describeLength(count: number, where: string): string {
  return count === 0 ? '' : count > 0 ? `${count} more at ${where}` : `${-count} fewer at ${where}`;
}

async function runDocument(before: Uint8Array, { returned, verdict, duration, packet, metadata }: PacketRun) {
  const { comparePackets } = await import('../../packet/difference.js');
  return {
    returned,
    verdict: verdict ?? null,
    nanoseconds: duration,
    packet,
    metadata,
    difference: comparePackets(before, packet),
  };
}
