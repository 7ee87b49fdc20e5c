/** Whole processes: the `xdpkit` command against bpftool, xdp-loader and an empty Node. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { XdpkitError } from '../errors/error.js';
import { type Field, makeField } from './field.js';
import { compare, spreadOf, type Timed } from './rounds.js';
import { absoluteResult, type BenchContext, type Result, type RowGroup, ratioResult, type Skipped } from './row.js';

interface Run {
  readonly nanoseconds: number;
  /** Peak resident memory. */
  readonly kibibytes: number;
}

type Command = readonly [program: string, ...words: string[]];

const statusBar = { milliseconds: 150, megabytes: 80 };

export const processRows: RowGroup = {
  names: [
    'start (--version)',
    'status, whole process',
    'status, peak memory',
    'status vs bpftool',
    'status vs xdp-loader',
    'attach+detach vs bpftool',
    'attach+detach vs xdp-loader',
  ],
  async *measure(context, wanted) {
    const { root } = context;
    const commandLine = join(root, 'dist/bin/xdpkit.js');
    if (!existsSync(commandLine)) {
      yield { name: 'whole processes', skipped: 'dist/bin/xdpkit.js is not built (npm run build)' };
      return;
    }
    using field = makeField(root);
    const xdpkit = (...words: string[]): Command => [process.execPath, commandLine, ...words];
    const run = (command: Command) => measureProcess(context, field, command);
    const sideOf = (...commands: Command[]): Timed => inTurn(run, commands);
    const versus = async (name: string, peer: string, ours: Timed, theirs: Timed, bar?: number): Promise<Result> =>
      ratioResult(name, peer, 'ms', await compare(ours, theirs, { ...context.rounds, millisecondsPerRound: 1 }), bar);

    if (wanted('start (--version)')) {
      const empty = sideOf([process.execPath, '-e', '0']);
      yield await versus('start (--version)', 'node -e 0', sideOf(xdpkit('--version')), empty, 1.3);
    }
    if (wanted('status, whole process') || wanted('status, peak memory')) {
      const runs: Run[] = [];
      for (let round = 0; round < context.rounds.rounds; round += 1) runs.push(await run(xdpkit('status')));
      const milliseconds = spreadOf(runs.map(({ nanoseconds }) => nanoseconds / 1e6)).median;
      const megabytes = Math.max(...runs.map(({ kibibytes }) => (kibibytes * 1024) / 1e6));
      yield absoluteResult('status, whole process', 'ms', milliseconds, statusBar.milliseconds);
      yield absoluteResult('status, peak memory', 'MB', megabytes, statusBar.megabytes);
    }

    const object = join(root, 'dist/bpf/drop-ping.bpf.o');
    const { device, pin } = field;
    const tools = [
      {
        name: 'bpftool',
        status: sideOf(['bpftool', 'net', 'list']),
        attach: sideOf(
          ['bpftool', 'prog', 'load', object, pin],
          ['bpftool', 'net', 'attach', 'xdpdrv', 'pinned', pin, 'dev', device],
          ['bpftool', 'net', 'detach', 'xdpdrv', 'dev', device],
          ['rm', pin],
        ),
      },
      {
        name: 'xdp-loader',
        status: sideOf(['xdp-loader', 'status']),
        attach: sideOf(
          ['xdp-loader', 'load', '--mode', 'native', device, object],
          ['xdp-loader', 'unload', '--all', device],
        ),
      },
    ];
    const attach = sideOf(
      xdpkit('attach', object, '--dev', device, '--mode', 'native'),
      xdpkit('detach', '--dev', device),
    );
    for (const tool of tools) {
      for (const [what, ours, theirs] of [
        ['status', sideOf(xdpkit('status')), tool.status],
        ['attach+detach', attach, tool.attach],
      ] as const) {
        const name = `${what} vs ${tool.name}`;
        if (!wanted(name)) continue;
        yield isInstalled(tool.name)
          ? await versus(name, tool.name, ours, theirs)
          : ({ name, skipped: `${tool.name} is not installed` } satisfies Skipped);
      }
    }
  },
};

function isInstalled(tool: string): boolean {
  return spawnSync(tool, ['--version'], { stdio: 'ignore' }).error === undefined;
}

/** A call is all commands once, one after the other; the time is that of the processes alone. */
function inTurn(run: (command: Command) => Promise<Run>, commands: readonly Command[]): Timed {
  return async (count) => {
    let total = 0;
    for (let index = 0; index < count; index += 1) {
      for (const command of commands) total += (await run(command)).nanoseconds;
    }
    return total;
  };
}

/** Runs a command in the field's network namespace. */
async function measureProcess({ measure, signal }: BenchContext, field: Field, command: Command): Promise<Run> {
  signal.throwIfAborted();
  const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve, reject) => {
    // The child belongs to the namespace that this thread is in when it is spawned.
    field.netns.run(() => {
      execFile(measure, command, { encoding: 'utf8' }, (error, out, err) =>
        error ? reject(error) : resolve({ stdout: out, stderr: err }),
      );
    });
  });
  const [nanoseconds = 0, kibibytes = 0, status = 1] = stdout.split(' ').map(Number);
  if (status !== 0) {
    throw new XdpkitError('FAILED', `${command.join(' ')} ended with exit code ${status}`, { log: stderr.trim() });
  }
  return { nanoseconds, kibibytes };
}
