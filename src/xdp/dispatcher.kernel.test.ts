/** libxdp's dispatchers on devices: what is told of them, and what becomes of them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { addToChain } from '../chain/chain.js';
import { readChain } from '../chain/read.js';
import { runWords } from '../cli/run-words.test.support.js';
import { uniqueName } from '../kernel/kernel-state.test.support.js';
import { type Lab, labUp } from '../lab/index.js';
import { setXdp } from '../linux/netlink/route/link.js';
import { type OpenedObject, parseObject } from '../loader/open.js';
import { openText } from '../object/compile-text.test.support.js';
import type { Verdict } from '../packet/verdict.js';
import { detachXdp } from './detach.js';
import {
  configure,
  openDispatcher,
  pinMembers,
  type TestSlot,
  type Version,
  versions,
} from './dispatcher.test.support.js';
import { fails, seenByIp, toolIn } from './real.test.support.js';

const [first, second] = [`${uniqueName()}_first`, `${uniqueName()}_second`];

/** Counts in a map, and in a variable. */
function member(name: string, verdict: Verdict): OpenedObject {
  return openText(
    `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, __u32); __type(value, __u64); __uint(max_entries, 1); } ${name}_map SEC(".maps");
     __u64 seen = 0;
     SEC("xdp") int ${name}(struct xdp_md *ctx) {
       __u64 *count = bpf_map_lookup_elem(&${name}_map, &(__u32){ 0 });
       if (count) __sync_fetch_and_add(count, 1);
       seen++;
       return XDP_${verdict};
     }`,
    { name },
  );
}

const slots: readonly TestSlot[] = [
  { priority: 7, next: ['PASS', 'TX'], frags: true },
  { priority: 30, next: ['DROP'] },
];

interface Attached extends Disposable {
  readonly target: { readonly device: string; readonly netns: string };
  readonly id: number;
  readonly folder: string;
}

/** As libxdp leaves it, but for the links that put members into it, for which trampolines are needed. */
function attachDispatcher(lab: Lab, object: OpenedObject, members: readonly OpenedObject[]): Attached {
  const { left } = lab.hosts;
  using loaded = object.load({ programs: ['xdp_dispatcher'] });
  using route = left.netns.openNetlink();
  const { id, fd } = loaded.program('xdp_dispatcher');
  setXdp(route, { ifindex: left.ifindex, programFd: fd, mode: 'native' });
  const pinned = pinMembers(left.ifindex, id, members);
  return { ...pinned, id, target: { device: 'veth0', netns: left.name } };
}

function configured(version: Version): OpenedObject {
  const object = openDispatcher(version);
  configure(object, version, slots);
  return object;
}

async function json(...words: string[]) {
  const { exitCode, stdout } = await runWords([...words, '--json']);
  assert.equal(exitCode, 0, stdout);
  return JSON.parse(stdout);
}

for (const version of versions) {
  test(`version ${version}: its members in their order, by chain ls and status`, async () => {
    using lab = labUp({ temporary: true });
    using attached = attachDispatcher(lab, configured(version), [member(first, 'PASS'), member(second, 'DROP')]);
    const { target, folder, id } = attached;
    const { occupant } = readChain(target);
    assert.ok(occupant.kind === 'dispatcher');
    const { config, members } = occupant.dispatcher;
    assert.equal(config?.version, version);
    assert.equal(config.frags, version > 1);
    assert.equal(occupant.dispatcher.folder, folder);
    assert.deepEqual(
      members.map(({ program, settings, pin }) => [program?.name, settings, pin]),
      [first, second].map((name, slot) => {
        const { priority, next, frags = false } = slots[slot] as TestSlot;
        return [name, { priority, next, frags: version > 1 && frags }, `${folder}/prog${slot}-prog`];
      }),
    );

    const on = ['--dev', 'veth0', '--netns', target.netns];
    const listed = await json('chain', 'ls', ...on);
    assert.equal(listed.kind, 'dispatcher');
    assert.deepEqual(
      listed.members.map(({ name, priority, next }: Record<string, unknown>) => [name, priority, next]),
      [
        [first, 7, ['PASS', 'TX']],
        [second, 30, ['DROP']],
      ],
    );
    const text = (await runWords(['chain', 'ls', ...on])).stdout;
    assert.match(text, new RegExp(`^1 +7 +${first} +pass,tx +\\d+ +-$`, 'm'));
    assert.match(
      text,
      new RegExp(
        `^veth0: dispatcher of libxdp \\(protocol ${version}.*\\) pinned in ${folder}, program ${id}, native$`,
        'm',
      ),
    );

    const status = await json('status', ...on);
    const [{ held }] = status.namespaces[0].devices[0].attachments;
    assert.deepEqual([held.by, held.members, held.folder], ['libxdp', [first, second], folder]);
    assert.equal(held.dispatcher.version, version);
    const words = (await runWords(['status', ...on])).stdout;
    assert.match(
      words,
      new RegExp(`^veth0: member 2 is ${second} \\(program \\d+\\), priority 30, next after drop$`, 'm'),
    );
  });
}

test('the dispatcher that Debian ships: members that nothing leads to are told by their settings', () => {
  using lab = labUp({ temporary: true });
  const object = parseObject(readFileSync(debianDispatcher()), 'xdp-dispatcher.o');
  configure(object, 2, slots);
  using attached = attachDispatcher(lab, object, []);
  const { occupant } = readChain(attached.target);
  assert.ok(occupant.kind === 'dispatcher');
  assert.deepEqual(
    occupant.dispatcher.members.map(({ program, settings }) => [program, settings?.priority]),
    [
      [undefined, 7],
      [undefined, 30],
    ],
  );
  const adopt = [member(first, 'PASS')];
  assert.throws(
    () => addToChain(member(second, 'DROP'), { ...attached.target, adopt }),
    fails('UNSUPPORTED', 'neither a pin nor a link leads to its member 1'),
  );
  assert.equal(seenByIp(attached.target.netns).id, attached.id);
});

test('the dispatcher that Debian ships: xdp-loader tells the same of it', () => {
  using lab = labUp({ temporary: true });
  const object = parseObject(readFileSync(debianDispatcher()), 'xdp-dispatcher.o');
  configure(object, 2, slots);
  // Its table cuts longer names.
  using attached = attachDispatcher(lab, object, [member('ours_first', 'PASS'), member('ours_second', 'PASS')]);
  const theirs = toolIn(attached.target.netns, 'xdp-loader', 'status', 'veth0');
  const rows = [...theirs.matchAll(/^ => +(\d+) +(\S+) +(\d+) +([0-9a-f]{16}) +(\S+)$/gm)].map(([, ...row]) => row);
  const { occupant } = readChain(attached.target);
  assert.ok(occupant.kind === 'dispatcher');
  const ours = occupant.dispatcher.members.map(({ program, settings }) => [
    String(settings?.priority),
    program?.name,
    String(program?.id),
    program?.tag,
    settings?.next.map((verdict) => `XDP_${verdict}`).join(','),
  ]);
  assert.equal(rows.length, 2, theirs);
  assert.deepEqual(rows, ours);
});

test('a version to come is told, and its members by their pins', () => {
  using lab = labUp({ temporary: true });
  const object = openDispatcher(3);
  configure(object, 9, slots);
  const adopt = [member(first, 'PASS')];
  using attached = attachDispatcher(lab, object, adopt);
  const { occupant } = readChain(attached.target);
  assert.ok(occupant.kind === 'dispatcher');
  assert.equal(occupant.dispatcher.config?.version, 9);
  assert.deepEqual(
    occupant.dispatcher.members.map(({ program, settings }) => [program?.name, settings]),
    [[first, undefined]],
  );
  assert.throws(
    () => addToChain(member(second, 'DROP'), { ...attached.target, adopt }),
    fails('UNSUPPORTED', 'version 9 of the protocol is not known here'),
  );
});

test('its members are taken over into a chain, with their order, maps and variables, and it goes', () => {
  using lab = labUp({ temporary: true });
  const objects = [member(second, 'PASS'), member(first, 'PASS')];
  using attached = attachDispatcher(lab, configured(2), objects.toReversed());
  const { target, folder } = attached;
  const third = member(`${first}_third`, 'PASS');
  assert.throws(
    () => addToChain(third, target),
    fails('UNSUPPORTED', '--adopt OBJECT', `objects of ${first}, ${second}`),
  );
  const [, alone] = objects as [OpenedObject, OpenedObject];
  assert.throws(() => addToChain(third, { ...target, adopt: alone }), fails('PROGRAM_NOT_FOUND', `member "${second}"`));
  const other = [member(second, 'DROP'), alone];
  assert.throws(() => addToChain(third, { ...target, adopt: other }), fails('USAGE', `member "${second}"`, 'tag'));
  const before = readChain(target).occupant;
  assert.ok(before.kind === 'dispatcher');
  assert.equal(seenByIp(target.netns).id, attached.id);

  const changed = addToChain(third, { ...target, adopt: objects, priority: 20 });
  assert.deepEqual(
    readChain(target).members.map(({ name, priority, next }) => [name, priority, next]),
    [
      [first, 7, ['PASS', 'TX']],
      [`${first}_third`, 20, ['PASS']],
      [second, 30, ['DROP']],
    ],
  );
  for (const { program } of before.dispatcher.members) {
    const maps = changed.members.find(({ name }) => name === program?.name)?.maps ?? [];
    assert.deepEqual(maps.map(({ id }) => id).sort(), [...(program?.mapIds ?? [])].sort());
    assert.ok(maps.length === 2 && maps.every(({ kept }) => kept));
  }
  assert.ok(!existsSync(folder));
  detachXdp(target);
});

test("libxdp's lock is waited for before its dispatcher is taken off", async () => {
  using lab = labUp({ temporary: true });
  using attached = attachDispatcher(lab, configured(2), [member(first, 'PASS')]);
  mkdirSync('/sys/fs/bpf/xdp', { recursive: true });
  const holder = spawn('flock', [
    '/sys/fs/bpf/xdp',
    'sh',
    '-c',
    'echo locked; sleep 1; test -e "$0/prog0-prog"',
    attached.folder,
  ]);
  const ended = once(holder, 'exit');
  await once(holder.stdout, 'data');
  const started = performance.now();
  detachXdp(attached.target);
  assert.ok(performance.now() - started > 500);
  assert.deepEqual(await ended, [0, null], 'the pin was there while the lock was held');
  assert.ok(!existsSync(attached.folder));
});

function debianDispatcher(): string {
  const paths = ['x86_64', 'aarch64'].map((one) => `/usr/lib/${one}-linux-gnu/bpf/xdp-dispatcher.o`);
  return paths.find((path) => existsSync(path)) ?? assert.fail('libxdp1, which xdp-tools brings, is not installed');
}
