/** Programs that others attached: how they are held, that they can be replaced, and that they come off. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Lab, LabHost } from '../lab/lab.js';
import { labUp } from '../lab/lab-up.js';
import { sweepLabs } from '../lab/remove.js';
import { setXdp } from '../linux/netlink/route/link.js';
import type { LoadedObject } from '../loader/loaded.js';
import { detachXdp } from './detach.js';
import { dispatcherMemberNames } from './dispatcher.js';
import type { Holder } from './holder.js';
import { fails, objectPath, open, seenByIp, token, tool, toolIn } from './real.test.support.js';
import { replaceXdp } from './replace.js';
import { readStatus } from './status.js';

before(() => void sweepLabs());

const folder = `/sys/fs/bpf/test_${token}`;
after(() => rmSync(folder, { recursive: true, force: true }));

const drop = `drop_${token}`;
const pass = `pass_${token}`;

const load = (name = drop): LoadedObject => open('TWO').load({ programs: [{ name, type: 'xdp' }] });

function targetOf({ device, name }: LabHost): { device: string; netns: string } {
  return { device, netns: name };
}

function holderOn(host: LabHost): Holder | undefined {
  return readStatus(targetOf(host)).devices[0]?.attachments[0]?.holder;
}

function dispatcherOn(host: LabHost): { folder: string | undefined; members: string[] } {
  const holder = holderOn(host);
  assert.ok(holder?.by === 'libxdp', holder?.by);
  return { folder: holder.dispatcher.folder, members: dispatcherMemberNames(holder.dispatcher) };
}

/** Pins the program, so that other tools can find it. */
function pinned(object: LoadedObject, name = drop): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  rmSync(path, { force: true });
  object.program(name).pin(path);
  return path;
}

interface Way {
  readonly mode: 'native' | 'generic';
  attach(lab: Lab, program: string): void;
}

const ways: Readonly<Record<string, Way>> = {
  'ip link, native': {
    mode: 'native',
    attach: (lab, path) => toolIn(lab.hosts.left.name, 'ip', 'link', 'set', 'dev', 'veth0', 'xdpdrv', 'pinned', path),
  },
  'ip link, generic, from an object': {
    mode: 'generic',
    attach: (lab) =>
      tool(
        ...(['ip', '-n', lab.hosts.left.name, 'link', 'set', 'dev', 'veth0', 'xdpgeneric', 'obj'] as const),
        ...[objectPath('ONE'), 'sec', 'xdp'],
      ),
  },
  'bpftool net attach, generic': {
    mode: 'generic',
    attach: (lab, path) =>
      toolIn(lab.hosts.left.name, 'bpftool', 'net', 'attach', 'xdpgeneric', 'pinned', path, 'dev', 'veth0'),
  },
  'bpftool net attach, native': {
    mode: 'native',
    attach: (lab, path) =>
      toolIn(lab.hosts.left.name, 'bpftool', 'net', 'attach', 'xdpdrv', 'pinned', path, 'dev', 'veth0'),
  },
};

for (const [way, { mode, attach }] of Object.entries(ways)) {
  test(`what ${way} attached is held by netlink, replaced atomically, and comes off`, () => {
    using lab = labUp({ temporary: true });
    const { left } = lab.hosts;
    using object = load();
    attach(lab, pinned(object));
    assert.equal(seenByIp(left.name).mode, mode === 'native' ? 'xdp' : 'xdpgeneric');
    assert.deepEqual(holderOn(left), { by: 'netlink' });

    using next = load(pass);
    const { before, ...now } = replaceXdp(next.program(pass), targetOf(left));
    assert.deepEqual(now, { mode, atomic: true, heldBy: 'netlink', pinnedAt: undefined });
    assert.deepEqual(before.holder, { by: 'netlink' });
    assert.equal(seenByIp(left.name).id, next.program(pass).id);

    const detached = detachXdp(targetOf(left));
    assert.deepEqual(
      detached.map(({ programId, holder }) => [programId, holder.by]),
      [[next.program(pass).id, 'netlink']],
    );
    assert.equal(seenByIp(left.name).mode, 'none');
    assert.throws(() => detachXdp(targetOf(left)), fails('NOT_ATTACHED', 'veth0'));
  });
}

test('xdp-loader’s single program, its dispatcher or not, comes off with what it pinned', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  // Where dispatchers can't be made it says so and attaches the program alone.
  toolIn(left.name, 'xdp-loader', 'load', '-m', 'native', '-s', 'xdp', 'veth0', objectPath('ONE'));
  const { id } = seenByIp(left.name);
  assert.notEqual(id, undefined);
  const holder = holderOn(left);
  assert.ok(holder?.by === 'netlink' || holder?.by === 'libxdp', holder?.by);
  detachXdp(targetOf(left));
  assert.equal(seenByIp(left.name).mode, 'none');
  assert.ok(!existsSync(`/sys/fs/bpf/xdp/dispatch-${left.ifindex}-${id}`));
});

test('a libxdp dispatcher is told with its members, and its folder goes with it', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  using object = open('DISPATCHER').load();
  const dispatcher = object.program('xdp_dispatcher');
  const members = [`first_${token}`, `then_${token}`];
  const dispatch = `/sys/fs/bpf/xdp/dispatch-${left.ifindex}-${dispatcher.id}`;
  using route = left.netns.openNetlink();
  const attach = (): void => {
    mkdirSync(dispatch, { recursive: true });
    // The tenth comes after the second.
    object.program(`then_${token}`).pin(join(dispatch, 'prog10-prog'));
    object.program(`first_${token}`).pin(join(dispatch, 'prog2-prog'));
    setXdp(route, { ifindex: left.ifindex, programFd: dispatcher.fd, mode: 'native' });
  };
  try {
    attach();
    assert.deepEqual(dispatcherOn(left), { folder: dispatch, members });
    detachXdp(targetOf(left));
    assert.ok(!existsSync(dispatch));
    assert.equal(seenByIp(left.name).mode, 'none');

    attach();
    using next = load(pass);
    replaceXdp(next.program(pass), targetOf(left));
    assert.ok(!existsSync(dispatch));
    assert.deepEqual(holderOn(left), { by: 'netlink' });
    detachXdp(targetOf(left));

    attach();
    // It is off already when the other mode is refused, and is put back as it was.
    assert.throws(
      () => replaceXdp(next.program(pass), { ...targetOf(left), mode: 'offload' }),
      fails('MODE_UNSUPPORTED'),
    );
    assert.deepEqual(dispatcherOn(left), { folder: dispatch, members });
  } finally {
    rmSync(dispatch, { recursive: true, force: true });
  }
});

test('a link that somebody else pinned comes off, and its pin is left to its owner', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  using object = load();
  const path = join(folder, 'foreign-link');
  {
    using link = object.program(drop).attachXdp({ ...targetOf(left), pin: true });
    mkdirSync(folder, { recursive: true });
    tool('bpftool', 'link', 'pin', 'pinned', link.pinnedAt ?? '', path);
    rmSync(link.pinnedAt ?? '');
  }
  const holder = holderOn(left);
  assert.deepEqual(holder?.by === 'link' && holder.pins, [path]);
  detachXdp(targetOf(left));
  assert.equal(seenByIp(left.name).mode, 'none');
  assert.ok(existsSync(path));
});

test('one program on devices of the same index in two namespaces: each keeps its own link', () => {
  using lab = labUp({ temporary: true });
  const { left, right } = lab.hosts;
  assert.equal(left.ifindex, right.ifindex);
  using object = load();
  const program = object.program(drop);
  {
    using _left = program.attachXdp({ ...targetOf(left), pin: true });
    using _right = program.attachXdp({ ...targetOf(right), pin: true });
  }
  const [one, other] = [holderOn(left), holderOn(right)];
  assert.ok(one?.by === 'link' && other?.by === 'link');
  assert.notEqual(one.linkId, other.linkId);
  assert.ok(one.pins[0]?.includes(`netns-${left.netns.cookie}/`));
  detachXdp(targetOf(right));
  assert.deepEqual([seenByIp(left.name).mode, seenByIp(right.name).mode], ['xdp', 'none']);

  // Only one of the two is a link now, and it is not that of the device asked for.
  using route = right.netns.openNetlink();
  setXdp(route, { ifindex: right.ifindex, programFd: program.fd, mode: 'native' });
  assert.deepEqual(holderOn(right), { by: 'netlink' });
  assert.deepEqual(holderOn(left), one);
  detachXdp(targetOf(right));
  assert.deepEqual([seenByIp(left.name).mode, seenByIp(right.name).mode], ['xdp', 'none']);
});

test('two links that nobody pinned cannot be told apart: status says so, and detach leaves both', () => {
  using lab = labUp({ temporary: true });
  const { left, right } = lab.hosts;
  using object = load();
  using _left = object.program(drop).attachXdp(targetOf(left));
  using _right = object.program(drop).attachXdp(targetOf(right));
  const holder = holderOn(left);
  assert.ok(holder?.by === 'unknown');
  assert.match(holder.reason, /^link \d+ or \d+: /);
  assert.throws(() => detachXdp(targetOf(left)), fails('SYSCALL', /link \d+ or \d+/));
  assert.deepEqual([seenByIp(left.name).mode, seenByIp(right.name).mode], ['xdp', 'xdp']);
});

test('a device that was moved to another namespace after the attach keeps its link, and comes off there', () => {
  using lab = labUp({ temporary: true });
  using elsewhere = labUp({ temporary: true });
  const { left } = lab.hosts;
  const target = { device: 'moved0', netns: elsewhere.hosts.left.name };
  using object = load();
  {
    using _ = object.program(drop).attachXdp({ ...targetOf(left), pin: true });
  }
  const before = holderOn(left);
  tool('ip', '-n', left.name, 'link', 'set', 'veth0', 'name', 'moved0', 'netns', target.netns);
  const [moved] = readStatus(target).devices[0]?.attachments ?? [];
  assert.deepEqual(moved?.holder, before);
  detachXdp(target);
  assert.equal(seenByIp(target.netns, 'moved0').mode, 'none');
  assert.ok(before?.by === 'link' && before.pins.every((path) => !existsSync(path)));
});

test('only the mode that was named', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  using object = load();
  using _ = object.program(drop).attachXdp({ ...targetOf(left), mode: 'generic' });
  assert.throws(() => detachXdp({ ...targetOf(left), mode: 'native' }), fails('NOT_ATTACHED', 'native', drop));
  assert.equal(seenByIp(left.name).mode, 'xdpgeneric');
  assert.equal(detachXdp({ ...targetOf(left), mode: 'generic' }).length, 1);
  assert.equal(seenByIp(left.name).mode, 'none');
});
