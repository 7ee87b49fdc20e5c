/** The library against libbpf, call to call, in two processes that are both warm. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BpfMap } from '../kernel/map.js';
import { createMap } from '../kernel/map-create.js';
import type { PerCpu } from '../kernel/per-cpu.js';
import { parseObject } from '../loader/open.js';
import { mapDefaults } from '../object/map-defaults.js';
import type { MapSpec } from '../object/spec.js';
import { mapTypes } from '../uapi/bpf.generated.js';
import { compare, type Timed, timed } from './rounds.js';
import { type BenchContext, type Result, type RowGroup, ratioResult } from './row.js';

const libbpf = 'libbpf';

// What is read is kept here, so that no compiler finds that nobody wants it.
let sink: unknown;

export const loadRows: RowGroup = {
  names: ['open+load'],
  async *measure({ root, peer, rounds }) {
    const path = join(root, 'dist/bpf/drop-ping.bpf.o');
    const bytes = readFileSync(path);
    const ours = timed((count) => {
      for (let index = 0; index < count; index += 1) {
        using object = parseObject(bytes, path).load();
        sink = object;
      }
    });
    const measured = await compare(ours, peer.command('load', path), rounds);
    yield ratioResult('open+load', libbpf, 'µs', measured, 2.5);
  },
};

type Statistics = { rx_packets: bigint; rx_bytes: bigint };

export const lookupRows: RowGroup = {
  names: ['hash lookup', 'per-CPU lookup', 'per-CPU lookup+sum'],
  async *measure(context, wanted) {
    const { root, peer, rounds } = context;
    const entries = 1024;
    if (wanted('hash lookup')) {
      using map = createMap(hashSpec(entries)) as unknown as BpfMap<number, bigint>;
      for (let key = 0; key < entries; key += 1) map.set(key, BigInt(key));
      const ours = timed((count) => {
        for (let index = 0; index < count; index += 1) sink = map.get(index % entries);
      });
      const measured = await compare(ours, peer.command('lookup', map.info().id), rounds);
      yield ratioResult('hash lookup', libbpf, 'ns', measured);
    }
    const path = join(root, 'dist/bpf/drop-ping.bpf.o');
    using object = parseObject(readFileSync(path), path).load();
    const statistics = object.map<number, PerCpu<Statistics>>('xdp_stats');
    const { id, maxEntries } = statistics.info();
    if (wanted('per-CPU lookup')) {
      const ours = timed((count) => {
        for (let index = 0; index < count; index += 1) sink = statistics.get(index % maxEntries);
      });
      const measured = await compare(ours, peer.command('percpu-lookup', id), rounds);
      yield ratioResult('per-CPU lookup', libbpf, 'ns', measured, 1.5);
    }
    if (wanted('per-CPU lookup+sum')) {
      const ours = timed((count) => {
        for (let index = 0; index < count; index += 1) sink = statistics.get(index % maxEntries)?.sum();
      });
      const measured = await compare(ours, peer.command('percpu-sum', id), rounds);
      yield ratioResult('per-CPU lookup+sum', libbpf, 'ns', measured, 2);
    }
  },
};

/** For both sides, so that the rows compare the calls and not the sizes; about what `batches()` takes by itself. */
const batchSize = 16_384;

export const batchRows: RowGroup = {
  names: ['batch update', 'batch lookup', 'iterate, raw', 'iterate, decoded vs batches', 'iterate, decoded'],
  async *measure(context, wanted) {
    using map = createMap(hashSpec(context.manyEntries)) as unknown as BpfMap<number, bigint>;
    const { id } = map.info();
    const update = updateAll(map, context.manyEntries);
    await update(1);
    const row = async (name: string, ours: Timed, verb: string, bar?: number): Promise<Result> => {
      const theirs = context.peer.command(verb, id, batchSize);
      return ratioResult(name, libbpf, 'ms', await compare(ours, theirs, context.rounds), bar);
    };
    if (wanted('batch update')) yield await row('batch update', update, 'batch-update', 1.1);
    if (wanted('batch lookup')) yield await row('batch lookup', readAll(map, context), 'batch-lookup', 1.1);
    if (wanted('iterate, raw')) yield await row('iterate, raw', sumAll(map, context), 'batch-sum', 1.1);
    if (wanted('iterate, decoded vs batches')) {
      yield await row('iterate, decoded vs batches', decodeAll(map, context), 'batch-sum');
    }
    // What `for (const [key, value] of map)` is to users here, the next-key loop is to those of libbpf.
    if (wanted('iterate, decoded')) yield await row('iterate, decoded', decodeAll(map, context), 'iterate', 1.1);
  },
};

function updateAll(map: BpfMap<number, bigint>, entries: number): Timed {
  const keys = new Uint8Array(Uint32Array.from({ length: entries }, (_, index) => index).buffer);
  const values = new Uint8Array(entries * 8);
  return timed((count) => {
    for (let round = 0; round < count; round += 1) {
      for (let at = 0; at < entries; at += batchSize) {
        const end = Math.min(entries, at + batchSize);
        map.updateBatch(keys.subarray(at * 4, end * 4), values.subarray(at * 8, end * 8), end - at);
      }
    }
  });
}

function readAll(map: BpfMap<number, bigint>, { manyEntries }: BenchContext): Timed {
  return timed((count) => {
    for (let round = 0; round < count; round += 1) {
      let seen = 0;
      for (const batch of map.batches(batchSize)) seen += batch.count;
      mustHaveSeen(seen, manyEntries);
    }
  });
}

/** As the peer does: every word of every key and value is read. */
function sumAll(map: BpfMap<number, bigint>, { manyEntries }: BenchContext): Timed {
  return timed((count) => {
    for (let round = 0; round < count; round += 1) {
      let seen = 0;
      for (const batch of map.batches(batchSize)) {
        sink = sumOf(batch.keys) + sumOf(batch.values);
        seen += batch.count;
      }
      mustHaveSeen(seen, manyEntries);
    }
  });
}

function sumOf({ buffer, byteOffset, byteLength }: Uint8Array): number {
  const words = new Uint32Array(buffer, byteOffset, byteLength / 4);
  let sum = 0;
  for (let index = 0; index < words.length; index += 1) sum += words[index] as number;
  return sum;
}

function decodeAll(map: BpfMap<number, bigint>, { manyEntries }: BenchContext): Timed {
  return timed((count) => {
    for (let round = 0; round < count; round += 1) {
      let seen = 0;
      for (const entry of map) {
        sink = entry;
        seen += 1;
      }
      mustHaveSeen(seen, manyEntries);
    }
  });
}

function mustHaveSeen(seen: number, entries: number): void {
  if (seen !== entries) throw new Error(`a hash of ${entries} entries showed ${seen}`);
}

function hashSpec(entries: number): MapSpec {
  return {
    ...mapDefaults,
    name: 'bench_hash',
    origin: 'btf',
    type: 'hash',
    typeNumber: mapTypes.hash,
    keySize: 4,
    valueSize: 8,
    maxEntries: entries,
  };
}

export function lastRead(): unknown {
  return sink;
}
