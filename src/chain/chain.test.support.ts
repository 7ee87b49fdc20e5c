/** Members for chains, and what tests ask of a chain on a lab's device. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { openMapById } from '../kernel/map-create.js';
import type { Lab } from '../lab/lab.js';
import { openText } from '../object/compile-text.test.support.js';
import type { ReadChain } from './read.js';

export const counter = (verdict = 'XDP_PASS', name = 'counter') =>
  openText(
    `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } hits SEC(".maps");
volatile const int step = 1;
__u64 bytes;
SEC("xdp") int ${name}(struct xdp_md *ctx) {
  __u32 zero = 0; __u64 *found = bpf_map_lookup_elem(&hits, &zero);
  bytes += ctx->data_end - ctx->data;
  if (found) __sync_fetch_and_add(found, step);
  return ${verdict}; }`,
    { name },
  );

/** Drops echo replies of IPv4, which the lab's left host then never sees. */
export const filter = () =>
  openText(
    `SEC("xdp") int filter(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data;
  if (data + 35 > (unsigned char *)(long)ctx->data_end) return XDP_PASS;
  return data[12] == 8 && data[13] == 0 && data[23] == 1 && data[34] == 0 ? XDP_DROP : XDP_PASS; }`,
    { name: 'filter' },
  );

export const targetOf = ({ hosts }: Lab) => ({ device: 'veth0', netns: hosts.left.name });
export const names = ({ members }: Pick<ReadChain, 'members'>) => members.map(({ name }) => name);

export function packetsOf(chain: Pick<ReadChain, 'members'>, name: string): bigint {
  const counters = chain.members.find((one) => one.name === name)?.counters ?? assert.fail(`no ${name}`);
  return counters.reduce((sum, { packets }) => sum + packets, 0n);
}

export function hitsOf(chain: Pick<ReadChain, 'members'>, name: string): bigint {
  const id = chain.members.find((one) => one.name === name)?.maps.find((map) => map.name === 'hits')?.id;
  using map = openMapById<number, bigint>(id ?? 0) ?? assert.fail(`${name} has no hits`);
  return map.get(0) ?? 0n;
}

/** Asks until it is answered the same twice: now and then a host sends a packet of its own. */
export function still<Answer>(ask: () => Answer): Answer {
  for (let before = ask(), attempt = 0; attempt < 100; attempt += 1) {
    const now = ask();
    if (isDeepStrictEqual(now, before)) return now;
    before = now;
  }
  return assert.fail('it never came to rest');
}

export function isThere(mapId: number): boolean {
  using map = openMapById(mapId);
  return map !== undefined;
}
