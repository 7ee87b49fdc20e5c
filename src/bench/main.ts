/**
 * `npm run bench`: xdpkit against libbpf, bpftool and xdp-loader, in one run on this machine. The numbers depend on the
 * machine, the ratios hardly do.
 */
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { errorCodes } from '../errors/codes.js';
import { XdpkitError } from '../errors/error.js';
import { batchRows, loadRows, lookupRows } from './kernel-rows.js';
import { memoryRows } from './memory-rows.js';
import { objectRows } from './object-rows.js';
import { compilePeer, Peer } from './peer.js';
import { processRows } from './process-rows.js';
import { printResult, printTitles, toDocument } from './report.js';
import { ringRows } from './ring-rows.js';
import type { BenchContext, Result, RowGroup, Skipped } from './row.js';

const groups: readonly RowGroup[] = [loadRows, objectRows, lookupRows, batchRows, ringRows, processRows, memoryRows];

const usage = `usage: npm run bench -- [--json] [--quick] [--strict] [PATTERN]
  PATTERN   only rows whose name matches this regular expression
  --json    one JSON document instead of the table
  --quick   fewer and shorter rounds
  --strict  exit code 7 when a bar is missed
rows: ${groups.flatMap(({ names }) => names).join('; ')}
`;

async function main(): Promise<number> {
  const options = readArguments();
  if (options === undefined) return errorCodes.USAGE.exit;
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new XdpkitError('NOT_PERMITTED', 'the bench makes maps and devices: it needs Linux, and root there');
  }
  const { quick, json, strict, pattern } = options;
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort());
  const root = join(fileURLToPath(import.meta.url), '../../..');
  const peerProgram = compilePeer(root, 'peer', ['bpf']);
  using peer = new Peer(peerProgram);
  const context: BenchContext = {
    root,
    peer,
    peerProgram,
    measure: compilePeer(root, 'measure', []),
    rounds: { rounds: quick ? 5 : 21, millisecondsPerRound: quick ? 10 : 40, signal: interrupt.signal },
    signal: interrupt.signal,
    manyEntries: 1_000_000,
  };
  const wanted = (name: string) => pattern.test(name);
  const results: (Result | Skipped)[] = [];
  if (!json) printTitles();
  try {
    for (const group of groups) {
      if (!group.names.some(wanted)) continue;
      for await (const result of group.measure(context, wanted)) {
        results.push(result);
        if (!json) printResult(result);
      }
    }
  } catch (error) {
    // A child that the same Ctrl-C has ended is no failure of its own; its end may be heard of before the signal is.
    await setImmediate();
    if (!interrupt.signal.aborted) throw error;
    return errorCodes.INTERRUPTED.exit;
  }
  if (json) console.log(JSON.stringify(toDocument(results)));
  const missed = results.some((result) => 'met' in result && result.met === false);
  return strict && missed ? errorCodes.EXPECTATION_FAILED.exit : 0;
}

function readArguments() {
  try {
    const flag = { type: 'boolean', default: false } as const;
    const { values, positionals } = parseArgs({
      options: { json: flag, quick: flag, strict: flag, help: flag },
      allowPositionals: true,
    });
    const pattern = new RegExp(positionals[0] ?? '', 'i');
    const isAny = groups.some(({ names }) => names.some((name) => pattern.test(name)));
    if (!values.help && positionals.length <= 1 && isAny) return { ...values, pattern };
    process.stderr.write(isAny ? usage : `no row is named like ${pattern.source}\n${usage}`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
  return undefined;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof XdpkitError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  if (error.log) process.stderr.write(`${error.log}\n`);
  if (error.hint) process.stderr.write(`${error.hint}\n`);
  process.exitCode = errorCodes[error.code].exit;
}
