import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import type { OpenedObject } from '../loader/open.js';
import { openText } from '../object/compile-text.test.support.js';
import { ensureBpfFileSystem } from './bpf-file-system.js';
import { bpftool, leftInKernel, refusalOf, uniqueName } from './kernel-state.test.support.js';
import { openMap } from './map-create.js';
import { openPinned, requireOwnFolder } from './pin.js';
import { listPins } from './pin-index.js';

ensureBpfFileSystem();
const folder = `/sys/fs/bpf/xdpkit-test-${process.pid}`;
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Shape {
  readonly type?: string;
  readonly key?: string;
  readonly value?: string;
  readonly entries?: number;
  readonly flags?: string;
}

/** An object with the pinned map `table`, and another map by which its load can be told in the kernel. */
function objectOf({ type = 'HASH', key = '__u32', value = '__u32', entries = 8, flags = '0' }: Shape = {}, name = 'x') {
  return openText(
    `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } ${name}_m SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_${type}); __uint(max_entries, ${entries}); __uint(map_flags, ${flags});
	__uint(pinning, LIBBPF_PIN_BY_NAME); __type(key, ${key}); __type(value, ${value}); } table SEC(".maps");`,
    { name },
  );
}

const load = (object: OpenedObject) => object.load({ pinFolder: folder });

test('a BPF file system that is mounted where it was missing is root’s alone', () => {
  // Process and mount namespaces of its own: the machine's file system stays where it is.
  const namespaces = ['--mount', '--pid', '--fork', '--mount-proc', '--propagation', 'private'];
  const mountAnew = `
    const { ensureBpfFileSystem } = await import('${new URL('./bpf-file-system.js', import.meta.url).href}');
    const { statSync } = await import('node:fs');
    ensureBpfFileSystem();
    console.log((statSync('/sys/fs/bpf').mode & 0o777).toString(8));`;
  const command = 'umount --lazy /sys/fs/bpf && exec "$0" --input-type=module -e "$1"';
  const words = [...namespaces, 'sh', '-c', command, process.execPath, mountAnew];
  assert.equal(execFileSync('unshare', words, { encoding: 'utf8' }), '700\n');
});

test('a map that asks for it is pinned by its name, and taken from there by the next load', () => {
  {
    using first = load(objectOf());
    first.map<number, number>('table').set(1, 100);
  }
  assert.deepEqual(readdirSync(folder), ['table']);
  const shown = bpftool('map', 'show', 'pinned', join(folder, 'table')) as { name: string; max_entries: number };
  assert.deepEqual([shown.name, shown.max_entries], ['table', 8]);
  using second = load(objectOf());
  assert.equal(second.map<number, number>('table').get(1), 100);
  const id = second.map('table').info().id;
  assert.ok(listPins().some((pin) => pin.path === join(folder, 'table') && pin.kind === 'map' && pin.id === id));
});

test('a map pinned by bpftool is taken too', () => {
  mkdirSync(folder);
  const path = join(folder, 'table');
  const words = 'type hash key 4 value 4 entries 8 name table';
  bpftool('map', 'create', path, ...words.split(' '));
  using loaded = load(objectOf());
  loaded.map<number, number>('table').set(7, 8);
  const dump = bpftool('map', 'dump', 'pinned', path) as { key: string[]; value: string[] }[];
  assert.deepEqual(dump[0], { key: ['0x07', '0x00', '0x00', '0x00'], value: ['0x08', '0x00', '0x00', '0x00'] });
});

for (const [field, shape, words] of [
  ['type', { type: 'LRU_HASH' }, 'type is hash, the object asks for lru_hash'],
  ['key size', { key: '__u64' }, 'key size is 4, the object asks for 8'],
  ['value size', { value: '__u16' }, 'value size is 4, the object asks for 2'],
  ['entries', { entries: 9 }, 'max entries is 8, the object asks for 9'],
  ['flags', { flags: 'BPF_F_NO_PREALLOC' }, 'flags is 0, the object asks for 1'],
] as const) {
  test(`a pinned map with another ${field} is refused, and nothing of the load stays`, () => {
    load(objectOf())[Symbol.dispose]();
    const name = uniqueName();
    const path = join(folder, 'table');
    assert.equal(
      refusalOf(() => load(objectOf(shape, name))),
      `PIN_MISMATCH: map "table" pinned at ${path}: ${words}`,
    );
    assert.deepEqual(leftInKernel(name), []);
    using kept = openMap(openPinned(path, 'table') ?? assert.fail());
    assert.equal(kept.info().maxEntries, 8);
  });
}

test('several differences are all told', () => {
  load(objectOf())[Symbol.dispose]();
  assert.match(
    refusalOf(() => load(objectOf({ key: '__u64', entries: 9 }))),
    /key size is 4, the object asks for 8; max entries is 8, the object asks for 9$/,
  );
});

test('a pinned map of devices is taken again, although the kernel adds a flag to it', () => {
  const devices = { type: 'DEVMAP' };
  load(objectOf(devices))[Symbol.dispose]();
  load(objectOf(devices))[Symbol.dispose]();
});

test('a load that fails after pinning takes pin and folder back', () => {
  const name = uniqueName();
  const object = openText(
    `struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1); __uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32); __type(value, __u32); } ${name}t SEC(".maps");
SEC("xdp") int ${name}p(struct xdp_md *context) { __u32 key = 0; return *(__u32 *)bpf_map_lookup_elem(&${name}t, &key); }`,
    { name },
  );
  assert.match(
    refusalOf(() => object.load({ pinFolder: join(folder, 'deep', 'er') })),
    /^VERIFIER/,
  );
  assert.equal(existsSync(folder), false);
  assert.deepEqual(leftInKernel(name), []);
  mkdirSync(folder);
  assert.match(
    refusalOf(() => object.load({ pinFolder: folder })),
    /^VERIFIER/,
  );
  assert.deepEqual(readdirSync(folder), [], 'a folder that was there stays');
});

test('pins are refused where something is, and where they cannot be', () => {
  using loaded = openText(`
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } one SEC(".maps");
SEC("xdp") int pass(struct xdp_md *context) { return 2; }`).load();
  const path = join(folder, 'taken');
  const map = loaded.map('one');
  map.pin(path);
  assert.match(
    refusalOf(() => map.pin(path)),
    new RegExp(`^PIN_EXISTS: pin map "one" at ${path}: the path is taken \\(File exists, EEXIST\\)`),
  );
  assert.match(
    refusalOf(() => loaded.program('pass').pin(path)),
    /^PIN_EXISTS: pin program "pass" at/,
  );
  assert.match(
    refusalOf(() => map.pin(join(folder, 'eth0.100'))),
    /^USAGE: .* names on a BPF file system must not have a dot in them/,
  );
  assert.match(
    refusalOf(() => map.pin(join(folder, 'eth0.100', 'map'))),
    /^USAGE: .* names on a BPF file system must not have a dot in them/,
  );
  const elsewhere = mkdtempSync(join(tmpdir(), 'xdpkit-pin-'));
  try {
    const wrong = join(elsewhere, 'some', 'map');
    assert.equal(
      refusalOf(() => map.pin(wrong)),
      `NO_BPF_FILE_SYSTEM: pin map "one" at ${wrong}: the path is not on a BPF file system`,
    );
    assert.deepEqual(readdirSync(elsewhere), []);
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
});

test('a folder that another user made first is not trusted', () => {
  const folder = `/sys/fs/bpf/${uniqueName()}`;
  mkdirSync(folder, { mode: 0o700 });
  try {
    requireOwnFolder(folder, 'pin a map');
    chownSync(folder, 65534, 65534);
    assert.match(
      refusalOf(() => requireOwnFolder(folder, 'pin a map')),
      /^NOT_PERMITTED: pin a map: \/sys\/fs\/bpf\/\w+ belongs to user 65534, who could exchange what is pinned there$/,
    );
  } finally {
    rmdirSync(folder);
  }
});

test('what is no map is not taken for one', () => {
  {
    using loaded = openText('SEC("xdp") int pass(struct xdp_md *context) { return 2; }').load();
    loaded.program('pass').pin(join(folder, 'table'));
  }
  assert.equal(
    refusalOf(() => load(objectOf())),
    `PIN_EXISTS: open map "table" pinned at ${join(folder, 'table')}: what is there is a program`,
  );
  rmSync(join(folder, 'table'));
  mkdirSync(join(folder, 'table'));
  assert.match(
    refusalOf(() => load(objectOf())),
    /^PIN_EXISTS: open map "table" pinned at .*: what is there is no pinned object$/,
  );
});
