import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Lab } from '../lab/lab.js';
import { labUp } from '../lab/lab-up.js';
import { sweepLabs } from '../lab/remove.js';
import { attachObject } from '../loader/attach-object.js';
import { fails, open, token, tool, toolIn } from '../xdp/real.test.support.js';
import { ratesBetween, type Sample, StatisticsReader } from './reader.js';

before(() => void sweepLabs());

const percpu = 'MAP_TYPE=BPF_MAP_TYPE_PERCPU_ARRAY';
const array = 'MAP_TYPE=BPF_MAP_TYPE_ARRAY';
const byVerdict = ['ENTRIES=5', 'KEY=XDP_PASS', 'FIELD_TYPE=__u64'];
const byQueue = ['ENTRIES=64', 'KEY=ctx->rx_queue_index', 'FIELD_TYPE=__u32', 'OFFSET=0'];

/** Attaches the object's program to the left host, and pings through it from there. */
function runWith(lab: Lab, defines: readonly string[], program?: string): { device: string; netns: string } {
  const { left } = lab.hosts;
  const target = { device: left.device, netns: left.name };
  attachObject(open(...defines), { ...target, program, replace: 'allow' });
  toolIn(left.name, 'ping', '-c', '5', '-i', '0.01', '-s', '56', '-q', '10.11.1.2');
  return target;
}

/** What bpftool adds up: by index, for a field of the value or the value itself. */
function summedByBpftool(mapId: number, field?: string): number[] {
  type Entry = {
    formatted?: { value?: unknown; values?: { value: unknown }[] };
    value?: string[];
    values?: { value: string[] }[];
  };
  const entries: Entry[] = JSON.parse(tool('bpftool', '-j', 'map', 'dump', 'id', String(mapId)));
  return entries.map((entry) => {
    const values = entry.formatted?.values?.map(({ value }) => value) ?? [entry.formatted?.value];
    return values.reduce<number>((sum, value) => {
      const number = field === undefined ? value : (value as Record<string, unknown>)[field];
      assert.equal(typeof number, 'number', JSON.stringify(entry));
      return sum + (number as number);
    }, 0);
  });
}

/** A sample and bpftool's sums of the same moment: a packet of IPv6's own may come between the two. */
function atRest(reader: StatisticsReader, field: string | undefined, bytes: string | undefined) {
  for (;;) {
    const sample = reader.read();
    const sums = summedByBpftool(sample.map.id, field);
    const sumsOfBytes = bytes && summedByBpftool(sample.map.id, bytes);
    if (packetsOf(reader.read()).join() === packetsOf(sample).join()) return { sample, sums, sumsOfBytes };
  }
}

function packetsOf({ counters }: Sample): number[] {
  return counters.map(({ packets }) => Number(packets));
}

const understood: Record<string, { defines: readonly string[]; field?: string; bytes?: string; by?: 'queue' }> = {
  'its own, a per-CPU struct of packets and bytes': { defines: ['TWO'], field: 'rx_packets', bytes: 'rx_bytes' },
  'a struct of packets only, shared by the CPUs': {
    defines: ['LAYOUT=struct packets_only', array, ...byVerdict, 'OFFSET=0'],
    field: 'rx_packets',
  },
  'a struct with other fields and names, under another name': {
    defines: ['LAYOUT=struct renamed', percpu, ...byVerdict, 'OFFSET=8', 'MAP_NAME=my_counters'],
    field: 'pkts',
    bytes: 'bytes',
  },
  'a bare 64-bit number under the usual name': { defines: ['LAYOUT=__u64', array, ...byVerdict, 'OFFSET=0'] },
  'packets by receive queue, 32 bits': { defines: ['LAYOUT=__u32', percpu, ...byQueue], by: 'queue' },
};

for (const [name, { defines, field, bytes, by }] of Object.entries(understood)) {
  test(`understood: ${name}`, () => {
    using lab = labUp({ temporary: true });
    using reader = new StatisticsReader(runWith(lab, defines, defines[0] === 'TWO' ? `pass_${token}` : undefined));
    const { sample, sums, sumsOfBytes } = atRest(reader, field, bytes);
    assert.equal(sample.by, by ?? 'verdict');
    const packets = packetsOf(sample);
    assert.ok((packets[by === 'queue' ? 0 : 2] ?? 0) >= 5, `${packets}`);
    assert.deepEqual(packets, sums);
    assert.deepEqual(
      sample.counters.map((each) => (each.bytes === undefined ? undefined : Number(each.bytes))),
      sumsOfBytes ?? packets.map(() => undefined),
    );
    const names = sample.counters.map((each) => each.name);
    if (by === 'queue') assert.deepEqual([names.length, names[63]], [64, 'queue 63']);
    else assert.deepEqual(names, ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT']);
  });
}

test('understood: an old-style map without BTF, by name and size', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const target = { device: left.device, netns: left.name };
  attachObject(open('OLD'), { ...target, section: 'xdp_drop', replace: 'refuse' });
  using reader = new StatisticsReader(target);
  // It drops everything, ARP too: so what comes first goes no further.
  assert.throws(() => toolIn(lab.hosts.right.name, 'ping', '-c', '1', '-W', '0.1', '-q', '10.11.1.1'));
  const drop = reader.read().counters[1];
  assert.equal(drop?.name, 'DROP');
  assert.ok(drop.packets >= 1n && drop.bytes !== undefined && drop.bytes >= drop.packets * 42n, `${drop.packets}`);
});

const strange: Record<string, readonly string[]> = {
  'two counters of something else': ['LAYOUT=struct other', percpu, ...byVerdict, 'OFFSET=0'],
  'two halves of the size of one counter': ['LAYOUT=struct half', percpu, ...byVerdict, 'OFFSET=0'],
  'numbers under a name that says nothing': ['LAYOUT=__u64', percpu, ...byVerdict, 'OFFSET=0', 'MAP_NAME=my_map'],
  'as many entries as no verdicts are': [
    'LAYOUT=struct renamed',
    percpu,
    'ENTRIES=6',
    ...byVerdict.slice(1),
    'OFFSET=8',
  ],
};

for (const [name, defines] of Object.entries(strange)) {
  test(`not taken for statistics: ${name}`, () => {
    using lab = labUp({ temporary: true });
    using reader = new StatisticsReader(runWith(lab, defines));
    assert.throws(() => reader.read(), fails('NO_STATISTICS', `counts_${token}`, 'array'));
  });
}

test('a program without maps, and a device without a program', () => {
  using lab = labUp({ temporary: true });
  using idle = new StatisticsReader({ device: 'veth0', netns: lab.hosts.left.name });
  assert.throws(() => idle.read(), fails('NOT_ATTACHED'));
  using reader = new StatisticsReader(runWith(lab, ['ONE']));
  assert.throws(() => reader.read(), fails('NO_STATISTICS', 'no maps'));
});

test('rates, and a swap in between: kept counters go on, fresh ones start anew without a rate', () => {
  using lab = labUp({ temporary: true });
  const target = runWith(lab, ['TWO'], `pass_${token}`);
  using reader = new StatisticsReader(target);
  const first = reader.read();
  attachObject(open('TWO'), { ...target, program: `pass_${token}`, replace: 'require' });
  toolIn(target.netns, 'ping', '-c', '20', '-i', '0.01', '-s', '100', '-q', '10.11.1.2');
  const second = reader.read();
  assert.notEqual(second.program.id, first.program.id);
  assert.equal(second.map.id, first.map.id);
  const seconds = Number(second.time - first.time) / 1e9;
  const rate = ratesBetween(first, second)?.get('PASS');
  const packets = (second.counters[2]?.packets ?? 0n) - (first.counters[2]?.packets ?? 0n);
  assert.ok(packets >= 20n);
  assert.equal(rate?.packetsPerSecond, Number(packets) / seconds);
  assert.ok((rate?.bytesPerSecond ?? 0) > (20 * 100) / seconds);
  assert.equal(ratesBetween(first, second)?.get('TX')?.packetsPerSecond, 0);

  runWith(lab, ['LAYOUT=struct packets_only', array, ...byVerdict, 'OFFSET=0']);
  const third = reader.read();
  assert.equal(third.map.name, 'xdp_stats_map');
  assert.equal(ratesBetween(second, third), undefined);
});
