/** Listings against those of bpftool, for every object at hand that this kernel takes. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { XdpkitError } from '../errors/error.js';
import type { LoadedObject } from '../loader/loaded.js';
import { parseObject } from '../loader/open.js';
import { compileText } from '../object/compile-text.test.support.js';
import { type Fixture, fixture } from '../object/fixtures.test.support.js';
import { bpftool } from './kernel-state.test.support.js';
import { listProgram } from './program-listing.js';

interface Witnessed {
  readonly disasm: string;
  readonly src?: string;
  readonly proto?: string;
}

/** bpftool has the names of machine code, which have a tag, and are F where the kernel knows no better. */
function withoutTag(text: string): string {
  return text.replace(/#bpf_prog_[0-9a-f]{16}_F$/, '').replace(/#bpf_prog_[0-9a-f]{16}_/, '#');
}

/** bpftool 7.1 does not know yet that this move adds where the CPU's own memory begins. */
function asBefore(text: string): string {
  return text.replace(/&\(void __percpu \*\)\((r\d+)\)/, '$1');
}

/** Loads every program that can be loaded, one by one, and gives how many that were. */
function compareAll(name: string, bytes: Uint8Array): number {
  const object = parseObject(bytes, name);
  let count = 0;
  for (const program of object.spec.programs) {
    if (program.type === undefined) continue;
    let loaded: LoadedObject;
    try {
      // Maps that would be pinned for others to find are not wanted of a test.
      loaded = parseObject(bytes, name).load({
        programs: [program.name],
        pinFolder: '/sys/fs/bpf/xdpkit-test-nowhere',
      });
    } catch (error) {
      // Where the kernel has no trampolines, or not the function that an application names at run time.
      const code = error instanceof XdpkitError ? error.code : undefined;
      if (code !== 'UNSUPPORTED' && code !== 'TARGET_NOT_FOUND') throw error;
      continue;
    }
    try {
      compare(loaded, program.name);
    } finally {
      loaded.removeNewPins();
      loaded[Symbol.dispose]();
    }
    count += 1;
  }
  return count;
}

function compare(loaded: LoadedObject, name: string): void {
  const program = loaded.program(name);
  const listing = listProgram(program.fd);
  const witness = bpftool('prog', 'dump', 'xlated', 'id', String(program.id)) as Witnessed[];
  assert.equal(listing.length, witness.length);
  for (const [index, { text }] of listing.entries()) {
    const said = withoutTag(witness[index]?.disasm ?? '');
    if (said !== text) assert.equal(said, asBefore(text), `${name}, ${index}`);
  }
  // bpftool spaces pointers as no C programmer does.
  const squeezed = (text: string | undefined) => text?.replaceAll(' ', '');
  assert.deepEqual(
    listing.map((each) => squeezed(each.function)),
    witness.map(({ proto }) => squeezed(proto)),
  );
  // It repeats lines that are made of several stretches of code: what is new here is new there, with the same text.
  for (const [index, { source }] of listing.entries()) {
    if (source !== undefined) assert.equal(source.text, witness[index]?.src?.trim(), `${name}, ${index}`);
  }
}

test('code, functions and source lines of the test objects', () => {
  for (const name of ['small', 'calls'] satisfies Fixture[]) {
    assert.ok(compareAll(name, fixture(name)) > 0, name);
  }
});

test('code of the examples', () => {
  const folder = fileURLToPath(new URL('../bpf/', import.meta.url));
  const files = readdirSync(folder).filter((file) => file.endsWith('.o'));
  assert.ok(files.length > 0);
  for (const file of files) assert.ok(compareAll(file, readFileSync(join(folder, file))) > 0, file);
});

const debian = ['x86_64', 'aarch64'].map((one) => `/usr/lib/${one}-linux-gnu/bpf/`).find((one) => existsSync(one));

test("code of xdp-tools' and libxdp's objects", { skip: debian === undefined && 'xdp-tools is not installed' }, () => {
  const files = readdirSync(debian ?? '').filter((file) => file.endsWith('.o'));
  const counts = files.map((file) => compareAll(file, readFileSync(join(debian ?? '', file))));
  assert.ok(counts.reduce((sum, count) => sum + count, 0) >= 12, counts.join());
});

test('code of a program without types', () => {
  const source = `
static __attribute__((noinline)) int half(int number) { return bpf_get_prandom_u32() & number; }
SEC("xdp") int untyped(struct xdp_md *context) { return half(3) & half(2); }
`;
  assert.equal(compareAll('untyped', compileText(source, { debug: false })), 1);
});

const manyForms = `
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(key_size, 4); __uint(value_size, 4); __uint(max_entries, 1); } jumps SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, __u64); __type(value, __u64); __uint(max_entries, 8); } hash SEC(".maps");
__u64 total; __s32 part;
static long each(__u32 index, void *context) { total += index; return index > 3; }
SEC("xdp") int many(struct xdp_md *context) {
  __u64 key = context->rx_queue_index, *value = bpf_map_lookup_elem(&hash, &key);
  if (value) __sync_fetch_and_add(value, 1);
#ifdef FETCH
  total = __sync_fetch_and_xor(&total, key) + __sync_lock_test_and_set(&total, 5);
  total = __sync_val_compare_and_swap(&total, 1, 2);
#endif
  part = __builtin_bswap32(part) / 7 + (part >> 3);
  bpf_loop(5, each, 0, 0);
  bpf_map_delete_elem(&hash, &key);
  bpf_xdp_adjust_head(context, 4);
  bpf_tail_call(context, &jumps, 0);
  return XDP_PASS;
}
SEC("socket") int packet(struct __sk_buff *skb) { return skb->len + skb->protocol + skb->mark; }
SEC("tc") int classify(struct __sk_buff *skb) { __u32 x; bpf_skb_load_bytes(skb, 0, &x, 4); skb->mark = x; return 0; }
`;

for (const cpu of ['v2', 'v3'] as const) {
  test(`code of many forms, cpu ${cpu}`, () => {
    assert.equal(compareAll('many', compileText(cpu === 'v3' ? `#define FETCH\n${manyForms}` : manyForms, { cpu })), 3);
  });
}
