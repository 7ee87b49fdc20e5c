/** Maps that their definitions fill: read back by bpftool, and used by programs that run. */
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { OpenedObject } from '../loader/open.js';
import { openText } from '../object/compile-text.test.support.js';
import { runPacket } from '../xdp/run-packet.js';
import { bpftool, leftInKernel, refusalOf, uniqueName } from './kernel-state.test.support.js';

const name = uniqueName();
const source = `
struct inner { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, __u32); __type(value, __u32); };
struct inner ${name}a SEC(".maps"), ${name}b SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 3); __type(key, __u32);
  __array(values, struct inner); } ${name}o SEC(".maps") = { .values = { [2] = &${name}b, [0] = &${name}a } };
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 3); __type(key, __u32);
  __array(values, struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 5000); }); } ${name}r SEC(".maps");
int ${name}p(struct xdp_md *), ${name}q(struct xdp_md *);
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 4); __type(key, __u32);
  __array(values, int (struct xdp_md *)); } ${name}j SEC(".maps") = { .values = { [1] = &${name}p, [3] = &${name}q } };
SEC("xdp") int ${name}p(struct xdp_md *c) {
  __u32 table = 2, key = 7;
  void *inner = bpf_map_lookup_elem(&${name}o, &table);
  __u32 *verdict = inner ? bpf_map_lookup_elem(inner, &key) : 0;
  return verdict ? *verdict : XDP_ABORTED;
}
SEC("?xdp") int ${name}q(struct xdp_md *c) { bpf_tail_call(c, &${name}j, 1); return XDP_ABORTED; }
SEC("xdp") int ${name}e(struct xdp_md *c) { bpf_tail_call(c, &${name}j, 3); return XDP_ABORTED; }
`;
const object = openText(source, { name });
const packet = new Uint8Array(64);

interface Slot {
  readonly formatted?: { readonly key: number; readonly value?: { readonly id?: number } };
  readonly key: readonly string[];
  readonly value: readonly string[] | { readonly error: string };
}

/** Ids by index, as bpftool reads them. */
function slots(id: number): Record<number, number> {
  const number = (bytes: readonly string[]) => Buffer.from(bytes.map(Number)).readUInt32LE();
  const found = (bpftool('map', 'dump', 'id', String(id)) as Slot[]).flatMap(({ key, value }) =>
    Array.isArray(value) ? [[number(key), number(value)]] : [],
  );
  return Object.fromEntries(found);
}

test('inner maps and programs stand where the definition has them, and programs find them there', () => {
  using loaded = object.load();
  const idOf = (letter: string) => loaded.map(`${name}${letter}`).info().id;
  assert.deepEqual(slots(idOf('o')), { 0: idOf('a'), 2: idOf('b') });
  const programs = { 1: loaded.program(`${name}p`).id, 3: loaded.program(`${name}q`).id };
  assert.deepEqual(slots(idOf('j')), programs);
  assert.deepEqual(slots(idOf('r')), {});
  loaded.map<number, number>(`${name}b`).set(7, 3);
  assert.equal(runPacket(loaded.program(`${name}e`), { packet }).verdict, 'TX');
});

test('one program alone brings those that its tail calls reach', () => {
  using loaded = object.load({ programs: [`${name}e`] });
  assert.deepEqual([...loaded.programs.keys()].sort(), [`${name}e`, `${name}p`, `${name}q`]);
  loaded.map<number, number>(`${name}b`).set(7, 1);
  assert.equal(runPacket(loaded.program(`${name}e`), { packet }).verdict, 'DROP');
});

test('a pinned map of maps keeps what it holds, a pinned program array gets the programs of this load', () => {
  const folder = `/sys/fs/bpf/${name}`;
  const maps = object.spec.maps.map((map) =>
    map.inner || map.type === 'prog_array' ? { ...map, pinning: 'by-name' as const } : map,
  );
  const pinned = new OpenedObject({ ...object.spec, maps });
  try {
    using first = pinned.load({ pinFolder: folder });
    using second = pinned.load({ pinFolder: folder });
    const idOf = (loaded: typeof first, letter: string) => loaded.map(`${name}${letter}`).info().id;
    assert.equal(idOf(first, 'o'), idOf(second, 'o'));
    assert.deepEqual(slots(idOf(second, 'o')), { 0: idOf(first, 'a'), 2: idOf(first, 'b') });
    const programs = { 1: second.program(`${name}p`).id, 3: second.program(`${name}q`).id };
    assert.deepEqual(slots(idOf(first, 'j')), programs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  assert.equal(existsSync(folder), false);
});

test('contents that the map has no room or shape for are refused, and nothing stays', () => {
  const change = (letter: string, fields: object): OpenedObject =>
    new OpenedObject({
      ...object.spec,
      maps: object.spec.maps.map((map) => (map.name === `${name}${letter}` ? { ...map, ...fields } : map)),
    });
  assert.match(
    refusalOf(() => change('o', { maxEntries: 2 }).load()),
    new RegExp(`^KEY_SHAPE: fill map "${name}o" of ${name} with ${name}b at 2: key of map .*2 is out of range`),
  );
  assert.match(
    refusalOf(() => change('b', { type: 'array', typeNumber: 2 }).load()),
    new RegExp(`^SYSCALL: fill map "${name}o" of ${name} with ${name}b at 2: .*: Invalid argument \\(EINVAL\\)`),
  );
  assert.match(
    refusalOf(() => change('o', { inner: undefined, contents: [] }).load()),
    new RegExp(`^MAP_CREATE: create map "${name}o" \\(array_of_maps\\): nothing tells the shape of its maps`),
  );
  // Not the program array: the kernel loses count of one that somebody lists while it is being emptied, and it stays
  // (`prog_array_map_clear` takes a reference although its work is already waiting).
  const left = leftInKernel(name).filter((each) => !each.startsWith(`map ${name}j `));
  assert.deepEqual(left, []);
});
