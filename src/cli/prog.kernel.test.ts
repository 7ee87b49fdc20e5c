/** The verbs of `xdpkit prog`, against what bpftool says of the same programs. */
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bpftool, leftInKernel, uniqueName } from '../kernel/kernel-state.test.support.js';
import { labUp } from '../lab/lab-up.js';
import { compileText } from '../object/compile-text.test.support.js';
import { folder, json, name, object, pinPath, refusal, text } from './prog.test.support.js';

interface Shown {
  readonly id: number;
  readonly type: string;
  readonly tag: string;
  readonly loaded_at: number;
  readonly map_ids: number[];
  readonly btf_id: number;
  readonly bytes_xlated: number;
  readonly bytes_jited: number;
}

/** Loads the object by bpftool, so that xdpkit has no part in what it is then asked about. */
function loaded(path = `/sys/fs/bpf/${uniqueName()}`): Disposable & { readonly pin: string; readonly seen: Shown } {
  bpftool('prog', 'load', object, path);
  const seen = bpftool('prog', 'show', 'pinned', path) as Shown;
  return { pin: path, seen, [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

test('ls and show tell what bpftool tells, and names in full', async () => {
  using program = loaded();
  const { pin, seen } = program;
  const { programs } = await json('prog', 'ls');
  const listed = programs.find(({ id }: { id: number }) => id === seen.id);
  const { loadedAt, verifiedInstructions, ...rest } = listed;
  assert.ok(Math.abs(Date.parse(loadedAt) / 1000 - seen.loaded_at) <= 2, loadedAt);
  assert.ok(verifiedInstructions > 10);
  assert.deepEqual(rest, {
    id: seen.id,
    type: 'xdp',
    name,
    kernelName: name.slice(0, 15),
    tag: seen.tag,
    uid: 0,
    gplCompatible: true,
    translatedBytes: seen.bytes_xlated,
    jitedBytes: seen.bytes_jited,
    mapIds: seen.map_ids,
    btfId: seen.btf_id,
    runs: { count: 0, nanoseconds: 0 },
    pins: [pin],
    links: [],
    devices: [],
    processes: [],
  });
  for (const reference of [String(seen.id), pin, name, name.slice(0, 15)]) {
    const { maps, ...shown } = await json('prog', 'show', reference);
    assert.deepEqual({ ...shown, loadedAt }, listed, reference);
    assert.deepEqual(new Set(maps.map(({ id }: { id: number }) => id)), new Set(seen.map_ids));
  }
  assert.match(await text('prog', 'ls'), new RegExp(`^ *${seen.id} +xdp +${name} .* pin ${pin}$`, 'm'));
  const shown = await text('prog', 'show', name);
  assert.match(shown, new RegExp(`^program +${name} \\(id ${seen.id}, xdp\\)$`, 'm'));
  assert.match(shown, new RegExp(`^held by +pin ${pin}$`, 'm'));
});

test('the same programs are listed as by bpftool', async () => {
  using _program = loaded();
  // Other tests come and go: those that were there before and after are listed in between.
  const ids = () => (bpftool('prog', 'show') as Shown[]).map(({ id }) => id);
  const before = ids();
  const { programs } = await json('prog', 'ls');
  const after = new Set(ids());
  const listed = new Set(programs.map(({ id }: { id: number }) => id));
  for (const id of before.filter((each) => after.has(each))) assert.ok(listed.has(id), `program ${id}`);
  const { programs: others } = await json('prog', 'ls', '--type', 'kprobe');
  assert.ok(others.every(({ type }: { type: string }) => type === 'kprobe'));
});

test('a program on a device is shown with its link, its device and its network namespace', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const attached = await json('attach', object, '--dev', 'veth0', '--netns', left.name);
  assert.equal(attached.program.name, name);
  const { links, devices } = await json('prog', 'show', String(attached.program.id));
  assert.deepEqual(devices, [{ device: 'veth0', ifindex: left.ifindex, mode: 'native', netns: left.name }]);
  assert.deepEqual(
    links.map(({ type, ifindex }: { type: string; ifindex: number }) => [type, ifindex]),
    [['xdp', left.ifindex]],
  );
  const { namespaces } = await json('status', '--dev', 'veth0', '--netns', left.name);
  assert.equal(namespaces[0].devices[0].attachments[0].program.name, name, 'status has the name in full too');
  await json('detach', '--dev', 'veth0', '--netns', left.name);
});

test('dump prints code, source lines, functions, helpers and maps', async () => {
  using program = loaded();
  const { id } = program.seen;
  const dump = await text('prog', 'dump', String(id));
  const [head, line, first] = dump.split('\n');
  assert.equal(head, `int ${name}(struct xdp_md *context):`);
  assert.equal(line, `; SEC("xdp") int ${name}(struct xdp_md *context) { @ text.c:9`);
  assert.match(first ?? '', /^ {3}0: \(..\) /);
  assert.match(dump, /^int count\(struct xdp_md \*context, __u32 key\):$/m);
  assert.match(dump, /^ *\d+: \(85\) call pc\+\d+#count$/m);
  assert.match(dump, new RegExp(`^ *\\d+: \\(18\\) r1 = map\\[id:\\d+\\] ; map ${name}s$`, 'm'));
  assert.match(dump, /^; data\[0\] = 0xff; @ text.c:12$/m);
  const { programs } = await json('prog', 'dump', name, program.pin);
  assert.equal(programs.length, 2);
  const texts = dump.split('\n').flatMap((each) => /^ *\d+: ([^;]*[^; ])/.exec(each)?.[1] ?? []);
  assert.deepEqual(
    programs[0].instructions.map(({ text: each }: { text: string }) => each),
    texts,
  );
  const { instructions } = programs[1];
  const bytes = instructions.map((each: { bytes: string }) => each.bytes).join('');
  assert.equal(bytes.length, program.seen.bytes_xlated * 2);
  const opcodes = await text('prog', 'dump', name, '--opcodes');
  assert.ok(opcodes.replace(/\s/g, '').includes(instructions[0].bytes));
});

test('load pins a program, and keeps the maps that it is told to', async () => {
  using first = pinPath();
  using second = pinPath();
  const words = ['prog', 'load', object, '--pin'];
  const printed = await text(...words, first.path);
  const seen = bpftool('prog', 'show', 'pinned', first.path) as Shown;
  assert.match(
    printed,
    new RegExp(`^loaded ${name} \\(program ${seen.id}, xdp\\)\\n {2}pinned at {2}${first.path}\\n`),
  );
  const [mapId] = seen.map_ids.filter((id) => printed.includes(`map        ${name}s (id ${id})`));
  assert.ok(mapId !== undefined, printed);
  using mapPin = pinPath();
  bpftool('map', 'pin', 'id', String(mapId), mapPin.path);
  for (const reference of [String(mapId), mapPin.path]) {
    const loadedAgain = await json(...words, second.path, '--prog', name, '--map', `${name}s=${reference}`);
    const again = bpftool('prog', 'show', 'pinned', second.path) as Shown;
    assert.deepEqual(loadedAgain.program, { id: again.id, name, type: 'xdp' });
    assert.ok(again.map_ids.includes(mapId) && again.id !== seen.id);
    const kept = loadedAgain.maps.filter((each: { kept: boolean }) => each.kept);
    assert.deepEqual(kept, [{ name: `${name}s`, id: mapId, kept: true }]);
    await json('prog', 'unpin', second.path);
  }
});

test('buffers whose size the machine decides are kept like any other map', async () => {
  const shared = uniqueName();
  const path = join(folder, `${shared}.bpf.o`);
  const source = `
    struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } ${shared}e SEC(".maps");
    struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 5000); } ${shared}r SEC(".maps");
    SEC("xdp") int ${shared}p(struct xdp_md *c) {
      __u32 key = 0; bpf_ringbuf_output(&${shared}r, &key, 4, 0);
      return bpf_perf_event_output(c, &${shared}e, 0, &key, 4) ? 1 : 2; }`;
  writeFileSync(path, compileText(source));
  using first = pinPath();
  using second = pinPath();
  const { maps } = await json('prog', 'load', path, '--pin', first.path);
  const given = maps.flatMap(({ name: map, id }: { name: string; id: number }) => ['--map', `${map}=${id}`]);
  const again = await json('prog', 'load', path, '--pin', second.path, ...given);
  assert.equal(again.maps.length, 2);
  assert.deepEqual(
    again.maps,
    maps.map((map: object) => ({ ...map, kept: true })),
  );
});

test('a pinned map of another shape is refused, or what it holds is carried over', async () => {
  const shared = uniqueName();
  const sourceOf = (fields: string): string => `struct value { ${fields} };
    struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __uint(pinning, LIBBPF_PIN_BY_NAME);
      __type(key, __u32); __type(value, struct value); } ${shared} SEC(".maps");
    SEC("xdp") int ${shared}p(struct xdp_md *c) { __u32 key = 1; return bpf_map_lookup_elem(&${shared}, &key) ? 2 : 1; }`;
  const [before, after] = ['__u32 packets;', '__u64 packets; __u64 bytes;'].map((fields, index) => {
    const path = join(folder, `${shared}${index}.bpf.o`);
    writeFileSync(path, compileText(sourceOf(fields)));
    return path;
  }) as [string, string];
  const pinned = `/sys/fs/bpf/${shared}`;
  using first = pinPath();
  using second = pinPath();
  try {
    await text('prog', 'load', before, '--pin', first.path);
    await text('map', 'set', pinned, '7', '{"packets": 4294967295}');
    const words = ['prog', 'load', after, '--pin', second.path];
    const { stderr } = await refusal(...words);
    assert.match(stderr, /value size is 4, the object asks for 16; .*field "packets" is a number of 4 bytes, not of 8/);
    assert.match(stderr, /hint: .*--pin-mismatch migrate/);
    const printed = await text(...words, '--pin-mismatch', 'migrate');
    assert.match(printed, new RegExp(`^ {2}migrated {3}1 entry of ${shared}; new and zero: bytes$`, 'm'));
    assert.equal(await text('map', 'dump', pinned), '7 = {packets: 4294967295, bytes: 0}\n');
    await text('prog', 'unpin', second.path);
    const { migrations } = await json('prog', 'load', before, '--pin', second.path, '--pin-mismatch', 'recreate');
    assert.deepEqual(migrations, []);
    assert.deepEqual(bpftool('map', 'dump', 'pinned', pinned), []);
  } finally {
    rmSync(pinned, { force: true });
  }
});

test('a load that fails leaves nothing and says why', async () => {
  using pin = pinPath();
  const load = (...more: string[]) => refusal('prog', 'load', object, '--pin', pin.path, ...more);
  assert.match((await load('--prog', 'nothing')).stderr, /has no program "nothing"\nhint: It has /);
  assert.match((await load('--map', 'nothing=1')).stderr, /has no map "nothing" .*\nhint: It has /);
  assert.match((await load('--map', `${name}s=2147483647`)).stderr, /there is no map with id 2147483647/);
  assert.match((await load('--map', 'nonsense')).stderr, /map: 'nonsense' is not NAME=MAP/);
  assert.match((await load('--type', 'nonsense')).stderr, /there is no program type "nonsense"/);
  using other = loaded();
  const rodata = other.seen.map_ids.find(
    (id) => (bpftool('map', 'show', 'id', String(id)) as Shown & { frozen: number }).frozen,
  );
  const mismatch = await load('--map', `${name}s=${rodata}`);
  assert.match(mismatch.stderr, new RegExp(`map ${rodata} cannot stand for "${name}s": value size is 4`));
  assert.equal(existsSync(pin.path), false);
  const taken = await refusal('prog', 'load', object, '--pin', other.pin);
  assert.match(taken.stderr, /the path is taken/);
  const two = join(folder, 'two.bpf.o');
  writeFileSync(two, compileText(`SEC("xdp") int a(void *c) { return 1; } SEC("xdp") int b(void *c) { return 2; }`));
  const several = await refusal('prog', 'load', two, '--pin', pin.path);
  assert.match(several.stderr, /has several programs: a .*, b .*\nhint: Name one, as in --prog a\./);
});

test('pin and unpin', async () => {
  using program = loaded();
  using pin = pinPath();
  const { id } = program.seen;
  assert.deepEqual(await json('prog', 'pin', String(id), pin.path), { program: { id, name }, pin: pin.path });
  assert.equal((bpftool('prog', 'show', 'pinned', pin.path) as Shown).id, id);
  assert.match((await refusal('prog', 'pin', String(id), pin.path)).stderr, /the path is taken/);
  assert.deepEqual(await json('prog', 'unpin', pin.path), { program: { id, name }, pin: pin.path });
  assert.equal(existsSync(pin.path), false);
  assert.match((await refusal('prog', 'unpin', pin.path)).stderr, /there is nothing/);
});

test('what is not there is said to be not there', async () => {
  assert.deepEqual(await refusal('prog', 'show', '2147483647'), {
    exitCode: 3,
    stderr: 'error: there is no program with id 2147483647\nhint: `xdpkit prog ls` lists those that there are.\n',
  });
  assert.match((await refusal('prog', 'show', '/sys/fs/bpf/nothing')).stderr, /no program pinned at/);
  assert.match((await refusal('prog', 'show', `${name}x`)).stderr, /no program named/);
  using _one = loaded();
  using _two = loaded();
  const { exitCode, stderr } = await refusal('prog', 'show', name);
  assert.equal(exitCode, 2);
  assert.match(stderr, /several programs are named .*: \d+ \(xdp\), \d+ \(xdp\)/);
});

test('nothing is left in the kernel', () => {
  assert.deepEqual(leftInKernel(name.slice(0, 15)), []);
});
