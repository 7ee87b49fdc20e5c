/** `xdpkit map …` on maps that hold devices, CPUs, programs, maps, control groups and the like, made by `map create`. */
import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bpftool, uniqueName } from '../kernel/kernel-state.test.support.js';
import { labUp } from '../lab/index.js';
import { listMounts } from '../linux/mount.js';
import { openText } from '../object/compile-text.test.support.js';
import { runWords } from './run-words.test.support.js';

const token = uniqueName();

async function text(...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runWords(['map', ...words]);
  assert.equal(exitCode, 0, `${words.join(' ')}: ${stderr}`);
  return stdout;
}

async function json(...words: string[]) {
  return JSON.parse(await text(...words, '--json'));
}

async function refusal(exitCode: number, ...words: string[]): Promise<string> {
  const ran = await runWords(['map', ...words]);
  assert.equal(ran.exitCode, exitCode, `${words.join(' ')}: ${ran.stdout}${ran.stderr}`);
  return ran.stderr;
}

let count = 0;

/** Makes a map by words of `map create`, for as long as `run` takes. */
async function withMap(words: string, run: (path: string) => Promise<void>): Promise<void> {
  const path = `/sys/fs/bpf/${token}_k${count++}`;
  await text('create', path, ...words.split(' '));
  try {
    await run(path);
  } finally {
    rmSync(path);
  }
}

const rawValue = (path: string, key: number): number[] => {
  const found = bpftool('map', 'lookup', 'pinned', path, 'key', String(key), '0', '0', '0') as { value: string[] };
  return found.value.map(Number);
};

test('devices, with the program that packets meet there', async () => {
  using lab = labUp({ temporary: true });
  const { name: netns } = lab.hosts.left;
  const source = `SEC("xdp/devmap") int d_${token}(struct xdp_md *c) { return 2; }`;
  using loaded = openText(source).load();
  const program = loaded.program(`d_${token}`);
  await withMap('--type devmap --value 8 --entries 3', async (path) => {
    await text('set', path, '1', `dev:veth0,program:${program.id}`, '--netns', netns);
    const { entries } = await json('dump', path);
    const [{ value }] = entries;
    assert.equal(value.programId, program.id);
    assert.deepEqual(rawValue(path, 1), [value.ifindex, 0, 0, 0, ...Buffer.from(Uint32Array.of(program.id).buffer)]);
    assert.equal(await text('dump', path), `1 = {ifindex: ${value.ifindex}, programId: ${program.id}}\n`);
    await text('set', path, '0', JSON.stringify(value), '--netns', netns);
    assert.deepEqual((await json('get', path, '0')).value, value);
    await text('set', path, '0', String(value.ifindex), '--netns', netns);
    assert.deepEqual((await json('get', path, '0')).value, { ifindex: value.ifindex, programId: 0 });
    await text('delete', path, '1');
    assert.match(
      await refusal(3, 'set', path, '0', 'dev:nothing', '--netns', netns),
      /there is no network device nothing/,
    );
    assert.match(await refusal(2, 'set', path, '0', 'dev:veth0,colour:red'), /no part "colour"; the parts are dev, /);
    assert.match(await refusal(2, 'set', path, '0', 'veth0'), /ifindex is to be a number, not "veth0"/);
    assert.match(
      await refusal(1, 'set', path, '0', '99999', '--netns', netns),
      /\(EINVAL\)\nhint: Is there a device 99999/,
    );
  });
  await withMap('--type devmap_hash --value 4 --entries 3', async (path) => {
    await text('set', path, '1000', 'dev:veth0', '--netns', netns);
    assert.match(await text('dump', path), /^1000 = \d+\n$/);
    assert.match(
      await refusal(2, 'set', path, '0', `dev:veth0,program:${program.id}`, '--netns', netns),
      /no room for a program\nhint: .*struct bpf_devmap_val/,
    );
  });
});

test('CPUs, with their queue and program', async () => {
  using loaded = openText(`SEC("xdp/cpumap") int c_${token}(struct xdp_md *c) { return 2; }`).load();
  const { id } = loaded.program(`c_${token}`);
  await withMap('--type cpumap --value 8 --entries 2', async (path) => {
    await text('set', path, '0', `192,program:${id}`);
    assert.equal(await text('get', path, '0'), `{queueSize: 192, programId: ${id}}\n`);
    assert.deepEqual(rawValue(path, 0).slice(0, 4), [192, 0, 0, 0]);
    await text('set', path, '0', '{"queueSize": 16}');
    assert.deepEqual((await json('get', path, '0')).value, { queueSize: 16, programId: 0 });
  });
});

test('maps of maps, by id, pin or name', async () => {
  await withMap('--type hash --key 4 --value 8 --entries 4', async (inner) => {
    const { id } = await json('show', inner);
    await withMap(`--type array_of_maps --entries 2 --inner ${inner}`, async (path) => {
      await text('set', path, '1', inner);
      assert.equal(await text('dump', path), `1 = ${id}\n`);
      await text('set', path, '0', String(id));
      assert.equal(await text('get', path, '0'), `${id}\n`);
      await text('delete', path, '0');
      assert.match(await refusal(3, 'get', path, '0'), /has no entry at 0/);
    });
    assert.match(
      await refusal(2, 'create', `/sys/fs/bpf/${token}_none`, '--type', 'array_of_maps', '--entries', '2'),
      /needs a map of the shape that it is to hold/,
    );
  });
});

test('a bloom filter, a ring buffer, storage of tasks, control groups', async () => {
  await withMap('--type bloom_filter --value 4 --entries 100 --extra 3', async (path) => {
    await text('push', path, '17');
    assert.equal(await text('get', path, '17'), 'true\n');
    assert.match(await refusal(3, 'get', path, '18'), /has no entry at 18/);
    assert.equal((await json('show', path)).mapExtra, 3);
  });
  await withMap('--type ringbuf --entries 5000', async (path) => {
    assert.equal((await json('show', path)).maxEntries, 8192);
  });
  await withMap('--type task_storage --value 4', async (path) => {
    const owner = `pid:${process.pid}`;
    await text('set', path, owner, '0x01020304');
    assert.match(await text('get', path, owner), /^0x01020304\n$/);
    await text('delete', path, owner);
    assert.match(await refusal(3, 'get', path, owner), /has no entry at pid:/);
    assert.match(await refusal(2, 'get', path, '17'), /"17" is neither a process, as in pid:17, nor a path/);
  });
  await withMap('--type cgroup_array --entries 2', async (path) => {
    const mount = listMounts().find(({ type }) => type === 'cgroup2') ?? assert.fail('no cgroup2 file system');
    const group = join(mount.path, `xdpkit-test-${token}`);
    mkdirSync(group);
    try {
      await text('set', path, '1', group);
      await text('delete', path, '1');
      assert.match(await refusal(3, 'delete', path, '1'), /has no entry at 1/);
    } finally {
      rmdirSync(group);
    }
  });
});

test('prefixes of a trie that create has made', async () => {
  await withMap('--type lpm_trie --key 8 --value 4 --entries 4', async (path) => {
    await text('set', path, '10.1.2.3/8', '1');
    assert.equal(await text('dump', path), '10.0.0.0/8 = 1\n');
  });
});
