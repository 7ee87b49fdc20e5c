/** Events of 64 bytes out of a ring buffer that is full. */
import { join } from 'node:path';
import { compileBpf } from '../compile/compile.js';
import { runProgram } from '../kernel/test-run.js';
import { openObject } from '../loader/open.js';
import { compare, type Timed } from './rounds.js';
import { type RowGroup, ratioResult } from './row.js';

/** With its header. */
const recordSize = 72;

const libbpf = 'libbpf';
/** Filling the ring takes many times as long as draining it, and is not measured; in so short a time some 100,000 events are. */
const millisecondsPerRound = 2;

let sink = 0;

export const ringRows: RowGroup = {
  names: ['ring buffer drain'],
  async *measure({ root, peer, rounds }) {
    const output = join(root, 'dist/bench/events.bpf.o');
    await compileBpf({ source: join(root, 'bench/events.bpf.c'), output });
    using object = (await openObject(output)).load();
    using ring = object.ringBuffer('events');
    const program = object.program('emit');
    const events = Math.floor((ring.size - 1) / recordSize);
    const data = new Uint8Array(64);
    const ours: Timed = (count) => {
      let total = 0n;
      for (let round = 0; round < count; round += 1) {
        runProgram(program, { data, repeat: events });
        const start = process.hrtime.bigint();
        const drained = ring.drain((view, offset) => {
          sink = (sink + view.getUint32(offset, true)) | 0;
        });
        total += process.hrtime.bigint() - start;
        if (drained !== events) throw new Error(`${drained} of ${events} events were there`);
      }
      return Number(total);
    };
    const { id } = object.map('events').info();
    const theirs = peer.command('drain', id, program.info().id);
    const measured = await compare(ours, theirs, { ...rounds, millisecondsPerRound });
    const perEvent = { ...measured, ours: measured.ours / events, theirs: measured.theirs / events };
    yield ratioResult('ring buffer drain', libbpf, 'ns', perEvent, 4);
  },
};

export function lastSum(): number {
  return sink;
}
