/** Pinned maps of another shape than an object asks for: refused, made anew, or carried over, with bpftool as witness. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { possibleCpus } from '../linux/cpu.js';
import type { LoadedObject } from '../loader/loaded.js';
import { compileText, openText } from '../object/compile-text.test.support.js';
import { bpftool, leftInKernel, refusalOf, uniqueName } from './kernel-state.test.support.js';
import type { PerCpu } from './per-cpu.js';
import type { PinMismatch } from './pinned-maps.js';

const name = uniqueName();
const pinFolder = `/sys/fs/bpf/${name}`;
const pin = `${pinFolder}/${name}`;
const clear = (): void => rmSync(pinFolder, { recursive: true, force: true });
after(clear);

const definition = (type: string, entries: number, key: string, value: string, more = ''): string =>
  `struct key { ${key} }; struct value { ${value} };
  struct { __uint(type, BPF_MAP_TYPE_${type}); __uint(max_entries, ${entries}); __uint(pinning, LIBBPF_PIN_BY_NAME);
    ${more} __type(key, ${key === '' ? '__u32' : 'struct key'}); __type(value, struct value); } ${name} SEC(".maps");
  SEC("xdp") int ${name}p(struct xdp_md *c) {
    ${key === '' ? '__u32 key = 0;' : 'struct key key = {};'} return bpf_map_lookup_elem(&${name}, &key) ? 2 : 1; }`;

const load = (source: string, pinMismatch?: PinMismatch): LoadedObject =>
  openText(source, { name }).load({ pinFolder, pinMismatch });

const pinnedId = (): number => (bpftool('map', 'show', 'pinned', pin) as { id: number }).id;

const old = definition('HASH', 100, '__u32 address; __u16 port;', '__u32 packets; __u8 state; __u32 gone;');
const now = definition(
  'LRU_HASH',
  500,
  '__u32 address; __u32 port; __u32 zone;',
  '__u64 packets; __u64 bytes; __u8 state;',
);

type Old = [{ address: number; port: number }, { packets: number; state: number; gone: number }];

function fill(loaded: LoadedObject, count: number): void {
  const map = loaded.map<Old[0], Old[1]>(name);
  for (let index = 0; index < count; index += 1) {
    map.set({ address: index, port: 65_535 - index }, { packets: 2 ** 32 - 1 - index, state: index % 7, gone: 1 });
  }
}

test('each field that differs is named', () => {
  clear();
  using _ = load(old);
  const { id } = { id: pinnedId() };
  const told = refusalOf(() => load(now));
  for (const part of [
    /^PIN_MISMATCH: map "\w+" pinned at \S+: type is hash, the object asks for lru_hash; /,
    /key size is 8, the object asks for 12; value size is 12, the object asks for 24; max entries is 100, .* 500; /,
    /its key differs from the object's: field "port" is a number of 2 bytes, not of 4; its value differs .*: field "packets" /,
  ]) {
    assert.match(told, part);
  }
  assert.equal(pinnedId(), id);
});

test('migrate carries entries over by field, and the pin changes in one step', () => {
  clear();
  using before = load(old);
  fill(before, 90);
  const id = pinnedId();
  using loaded = load(now, 'migrate');
  assert.deepEqual(loaded.migrations, [{ map: name, entries: 90, added: ['zone', 'bytes'], dropped: ['gone'] }]);
  assert.notEqual(pinnedId(), id);
  assert.equal(pinnedId(), loaded.map(name).info().id);
  assert.deepEqual(readdirSync(pinFolder), [name]);
  const shown = bpftool('map', 'dump', 'pinned', pin) as { formatted: { key: object; value: object } }[];
  const rows = shown.map(({ formatted }) => formatted).sort((a, b) => address(a) - address(b));
  assert.equal(rows.length, 90);
  assert.deepEqual(rows[3], {
    key: { address: 3, port: 65_532, zone: 0 },
    value: { packets: 2 ** 32 - 4, bytes: 0, state: 3 },
  });
  // The next load of the same object finds its shape.
  using again = load(now);
  assert.equal(again.map(name).info().id, pinnedId());
  assert.deepEqual(again.migrations, []);
});

const address = (row: { key: object }): number => (row.key as { address: number }).address;

test('recreate begins with an empty map', () => {
  clear();
  using before = load(old);
  fill(before, 3);
  using loaded = load(now, 'recreate');
  assert.deepEqual(bpftool('map', 'dump', 'pinned', pin), []);
  assert.equal(pinnedId(), loaded.map(name).info().id);
  assert.equal([...before.map(name)].length, 3, 'who still has the old one keeps it');
});

test('what cannot be carried over is refused, and the pin stays with all that is in it', () => {
  clear();
  using before = load(old);
  fill(before, 5);
  const id = pinnedId();
  const refused = (source: string) => refusalOf(() => load(source, 'migrate'));
  const key = '__u32 address; __u16 port;';
  assert.match(
    refused(definition('HASH', 100, key, '__u16 packets;')),
    /^PIN_MISMATCH: .*cannot be carried over: value: field "packets" shrinks from 4 bytes to 2 bytes$/,
  );
  assert.match(
    refused(definition('HASH', 100, '__u32 address;', '__u32 packets;')),
    /: keys lose port, and would no longer differ$/,
  );
  assert.match(
    refused(definition('ARRAY', 100, '', '__u32 packets;')),
    /: its type was hash and is array; key: it was a struct/,
  );
  assert.match(refused(definition('HASH', 4, key, '__u32 packets;')), /^MAP_FULL: .*it is full \(hash of 4 entries\)$/);
  assert.equal(pinnedId(), id);
  assert.equal([...before.map(name)].length, 5);
  assert.deepEqual(readdirSync(pinFolder), [name]);
});

test('per-CPU values and arrays are carried over too', () => {
  clear();
  const cpus = possibleCpus();
  using before = load(definition('PERCPU_ARRAY', 3, '', '__u32 packets;'));
  type Packets<Number> = PerCpu<{ packets: Number }>;
  const values = Array.from({ length: cpus }, (_, cpu) => ({ packets: cpu + 5 }));
  before.map<number, Packets<number>>(name).set(1, values as Packets<number>);
  using loaded = load(definition('PERCPU_ARRAY', 4, '', '__u64 bytes; __u64 packets;'), 'migrate');
  assert.deepEqual(loaded.migrations, [{ map: name, entries: 3, added: ['bytes'], dropped: [] }]);
  const found = loaded.map<number, Packets<bigint>>(name).get(1);
  assert.deepEqual(
    [...(found ?? [])],
    values.map(({ packets }) => ({ bytes: 0n, packets: BigInt(packets) })),
  );
  assert.match(
    refusalOf(() => load(definition('PERCPU_ARRAY', 2, '', '__u64 bytes; __u64 packets;'), 'migrate')),
    /: it shrinks from 4 entries to 2$/,
  );
});

test('a load that fails, or is taken back, leaves the pin as it was', () => {
  clear();
  {
    using before = load(old);
    fill(before, 5);
    const id = pinnedId();
    const broken = `${now}\nSEC("xdp") int ${name}x(struct xdp_md *c) { return *(int *)(long)c->data; }`;
    assert.match(
      refusalOf(() => load(broken, 'migrate')),
      /^VERIFIER: /,
    );
    assert.equal(pinnedId(), id);
    using loaded = load(now, 'migrate');
    assert.notEqual(pinnedId(), id);
    loaded.removeNewPins();
    assert.equal(pinnedId(), id);
    assert.deepEqual(readdirSync(pinFolder), [name]);
  }
  clear();
  assert.equal(existsSync(pin), false);
  assert.deepEqual(leftInKernel(name), []);
});

/** Two maps, so that the one is in its new place when the other fails. */
const pair = (value: string, entries: number): string => {
  const map = (type: string, more: string): string =>
    `struct { __uint(type, BPF_MAP_TYPE_${type}); __uint(pinning, LIBBPF_PIN_BY_NAME); __type(key, __u32); __type(value, struct value); ${more} }`;
  return `struct value { ${value} };
    ${map('ARRAY', '__uint(max_entries, 2);')} ${name} SEC(".maps");
    ${map('HASH', `__uint(max_entries, ${entries});`)} ${name}b SEC(".maps");`;
};

test('where one of several maps cannot be carried over, those before it keep their pins', () => {
  clear();
  using before = load(pair('__u32 packets;', 8));
  for (let key = 0; key < 8; key += 1) before.map<number, object>(`${name}b`).set(key, { packets: key });
  before.map<number, object>(name).set(1, { packets: 17 });
  const id = pinnedId();
  assert.match(
    refusalOf(() => load(pair('__u64 packets;', 4), 'migrate')),
    /^MAP_FULL: /,
  );
  assert.equal(pinnedId(), id);
  assert.deepEqual(readdirSync(pinFolder).sort(), [name, `${name}b`]);
});

test('a process that dies before the pin changes leaves the old map there, and the next goes on from it', () => {
  clear();
  using before = load(old);
  fill(before, 5);
  const id = pinnedId();
  const opener = new URL('../loader/open.js', import.meta.url).href;
  const compiled = Buffer.from(compileText(now, { name })).toString('base64');
  const script = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    import { parseObject } from ${JSON.stringify(opener)};
    fs.renameSync = () => process.kill(process.pid, 'SIGKILL');
    syncBuiltinESMExports();
    const object = parseObject(Buffer.from('${compiled}', 'base64'), '${name}.o');
    object.load({ pinFolder: '${pinFolder}', pinMismatch: 'migrate' });`;
  const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script]);
  assert.equal(signal, 'SIGKILL', String(stderr));
  assert.equal(pinnedId(), id);
  assert.equal([...before.map(name)].length, 5);
  using loaded = load(now, 'migrate');
  assert.equal(loaded.migrations[0]?.entries, 5);
  assert.deepEqual(readdirSync(pinFolder), [name]);
});
