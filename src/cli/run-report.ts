/** What a run made of a packet, for people and for programs. */

import { describePacket } from '../packet/describe.js';
import { comparePackets } from '../packet/difference.js';
import { compareFields, type FieldDifference } from '../packet/field-difference.js';
import type { PacketRun } from '../xdp/run-packet.js';
import type { PacketTime } from '../xdp/time-program.js';
import { changedRows, hexRows } from './hex.js';
import type { Output } from './output.js';
import { formatDuration } from './units.js';

export interface ReportedRun {
  readonly before: Uint8Array | undefined;
  readonly metadataBefore: Uint8Array | undefined;
  readonly run: PacketRun;
  readonly repeat: number;
  /** Where it was asked for. */
  readonly time: PacketTime | undefined;
  /** Where something was expected: whether it came. */
  readonly expected: boolean | undefined;
}

/** Whether the kernel's average is of a packet that the program has changed in the meantime. */
export function isTimeBlurred({ before, metadataBefore, run, repeat, time }: ReportedRun): boolean {
  if (repeat === 1 || time !== undefined || before === undefined) return false;
  const { front, end, changes } = comparePackets(before, run.packet);
  const metadata = Buffer.from(metadataBefore ?? []);
  return front !== 0 || end !== 0 || changes.length > 0 || !metadata.equals(run.metadata);
}

export function printRun(
  output: Output,
  report: ReportedRun,
  { type, dataOut }: { readonly type: string; readonly dataOut: boolean },
): void {
  const { before = new Uint8Array(), run, expected } = report;
  const { bold, green, red } = output.colors;
  const mark = expected === undefined ? '' : expected ? `  ${green('as expected')}` : `  ${red('not as expected')}`;
  output.print(`verdict  ${bold(verdictText(run, type))}${mark}`);
  if (run.duration > 0) output.print(`time     ${timeText(report)}`);
  if (report.before !== undefined) printChanges(output, before, run);
  if (dataOut) {
    if (run.packet.length > 0) output.print(`packet   ${describePacket(run.packet).summary}`);
    for (const row of hexRows(run.packet)) output.print(`  ${row}`);
    if (run.context) output.print('context');
    for (const row of hexRows(run.context ?? new Uint8Array())) output.print(`  ${row}`);
  }
}

function verdictText({ verdict, returned }: PacketRun, type: string): string {
  if (verdict === undefined) {
    return type === 'xdp' ? `${returned}, no verdict of XDP: the kernel takes it for ABORTED` : String(returned);
  }
  return type === 'xdp' ? verdict : `${verdict} (${returned | 0})`;
}

function timeText({ run, repeat, time }: ReportedRun): string {
  if (time) {
    const [own, floor] = [formatDuration(time.duration / 1e9), formatDuration(time.floor / 1e9)];
    return `${own}, the median of ${time.rounds} fresh packets, less ${floor} of measuring`;
  }
  return `${formatDuration(run.duration / 1e9)}${repeat > 1 ? ` each, the average of ${repeat}` : ''}`;
}

function printChanges(output: Output, before: Uint8Array, run: PacketRun): void {
  const { front, end, changes } = comparePackets(before, run.packet);
  const lengths = [describeLength(front, 'the front'), describeLength(end, 'the end')].filter((text) => text !== '');
  if (lengths.length > 0) output.print(`length   ${before.length} → ${run.packet.length} bytes: ${lengths.join(', ')}`);
  if (run.metadata.length > 0) output.print(`metadata ${Buffer.from(run.metadata).toString('hex')}`);
  const count = changes.reduce((sum, { after }) => sum + after.length, 0);
  output.print(`changed  ${count === 0 ? 'nothing' : `${count} ${count === 1 ? 'byte' : 'bytes'}`}`);
  for (const difference of compareFields(before, run.packet)) output.print(`  ${differenceText(output, difference)}`);
  for (const row of changedRows(before, run.packet, output.colors)) output.print(`  ${row}`);
}

function differenceText({ colors }: Output, { layer, field, before, after }: FieldDifference): string {
  if (field !== undefined) return `${layer} ${field}: ${before ?? 'absent'} → ${after ?? 'absent'}`;
  if (before === undefined) return colors.green(`new: ${shortened(after)}`);
  return after === undefined ? colors.red(`gone: ${shortened(before)}`) : `${shortened(before)} → ${shortened(after)}`;
}

/** The rows of bytes below tell the rest. */
function shortened(text = ''): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

function describeLength(count: number, where: string): string {
  return count === 0 ? '' : count > 0 ? `${count} more at ${where}` : `${-count} fewer at ${where}`;
}

export function runDocument(report: ReportedRun) {
  const { before, run, time, expected } = report;
  return {
    returned: run.returned | 0,
    verdict: run.verdict ?? null,
    expected: expected ?? null,
    nanoseconds: time?.duration ?? run.duration,
    timing: time
      ? { method: 'fresh', rounds: time.rounds, floor: time.floor }
      : { method: 'repeat', rounds: report.repeat, changing: isTimeBlurred(report) },
    packet: run.packet,
    text: before === undefined ? null : describePacket(run.packet).text,
    metadata: run.metadata,
    context: run.context ?? null,
    difference: before === undefined ? null : comparePackets(before, run.packet),
    fields: before === undefined ? [] : compareFields(before, run.packet).map(fieldDocument),
  };
}

function fieldDocument({ layer, field, before, after }: FieldDifference) {
  return { layer, field: field ?? null, before: before ?? null, after: after ?? null };
}
