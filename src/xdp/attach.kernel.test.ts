import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { before, test } from 'node:test';
import { labUp } from '../lab/lab-up.js';
import { sweepLabs } from '../lab/remove.js';
import { deleteDevice, findDevice } from '../linux/netlink/route/link.js';
import { attachXdp } from './attach.js';
import { netnsPinFolder, ownLinkPin } from './own-pins.js';
import { assertNoTraces, fails, open, seenByIp, token, tool, toolIn } from './real.test.support.js';
import { readStatus } from './status.js';
import type { XdpLink } from './xdp-link.js';

before(() => void sweepLabs());

const drop = { name: `drop_${token}`, type: 'xdp' };

function answers(netns: string, address = '10.11.1.2'): boolean {
  try {
    toolIn(netns, 'ping', '-c', '1', '-W', '0.3', address);
    return true;
  } catch {
    return false;
  }
}

test('native, generic and auto run on every packet, and go with the link', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const device = { device: left.device, netns: left.name };
  for (const mode of ['native', 'generic', 'auto'] as const) {
    using object = open('TWO').load({ programs: [drop] });
    const program = object.program(drop.name);
    assert.ok(answers(left.name));
    {
      using link = program.attachXdp({ ...device, mode });
      assert.deepEqual(seenByIp(left.name), { mode: mode === 'generic' ? 'xdpgeneric' : 'xdp', id: program.id });
      assert.deepEqual(
        [link.mode, link.fallback, link.heldBy, link.pinnedAt],
        [mode === 'auto' ? 'native' : mode, undefined, 'link', undefined],
      );
      assert.ok(!answers(left.name), mode);
      const [attached] = readStatus(device).devices[0]?.attachments ?? [];
      assert.equal(attached?.program?.name, drop.name);
      assert.deepEqual(attached.holder.by === 'link' && [attached.holder.pins, attached.holder.processes], [[], []]);
    }
    assert.equal(seenByIp(left.name).mode, 'none');
    assert.ok(answers(left.name));
  }
  await assertNoTraces(lab);
});

test('a pinned link stays when it is disposed, under the namespace and the index of its device', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const device = { device: left.device, netns: left.netns.name };
  const path = ownLinkPin(left.netns.cookie, left.ifindex);
  {
    using object = open('TWO').load({ programs: [drop] });
    using link = object.program(drop.name).attachXdp({ ...device, pin: true });
    assert.equal(link.pinnedAt, path);
    link.pin();
    assert.equal(link.pinnedAt, path);
  }
  assert.equal(seenByIp(left.name).mode, 'xdp');
  const pinned = JSON.parse(tool('bpftool', '-j', 'link', 'show', 'pinned', path));
  assert.deepEqual([pinned.type, pinned.prog_id], ['xdp', seenByIp(left.name).id]);
  const [attached] = readStatus(device).devices[0]?.attachments ?? [];
  assert.deepEqual(attached?.holder, { by: 'link', linkId: pinned.id, pins: [path], processes: [] });
  using object = open('TWO').load({ programs: [drop] });
  let again: XdpLink | undefined;
  assert.throws(
    () => {
      again = object.program(drop.name).attachXdp(device);
    },
    fails('ATTACH_EXISTS', drop.name, `id ${pinned.prog_id}`, 'native', `link ${pinned.id}`, path),
  );
  assert.equal(again, undefined);
});

test('detach takes off a pinned link with its pin', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  using object = open('TWO').load({ programs: [drop] });
  using link = object.program(drop.name).attachXdp({ device: left.device, netns: left.name, pin: true });
  link.detach();
  assert.equal(seenByIp(left.name).mode, 'none');
  assert.ok(!existsSync(ownLinkPin(left.netns.cookie, left.ifindex)));
  assert.throws(() => link.update(object.program(drop.name)), fails('CLOSED'));
});

test('an MTU too large for a page: native refuses in the driver’s words, auto falls back and keeps them', async () => {
  using lab = labUp({ temporary: true, mtu: 9000 });
  const { left } = lab.hosts;
  const device = { device: left.device, netns: left.name };
  using object = open('TWO').load({ programs: [drop] });
  const program = object.program(drop.name);
  assert.throws(
    () => program.attachXdp({ ...device, mode: 'native' }),
    fails('MTU_TOO_LARGE', /MTU is too large|too large/i, '9000'),
  );
  assert.equal(seenByIp(left.name).mode, 'none');
  using link = program.attachXdp({ ...device, mode: 'auto' });
  assert.equal(link.mode, 'generic');
  assert.match(link.fallback ?? '', /too large/i);
  assert.equal(seenByIp(left.name).mode, 'xdpgeneric');
});

test('a program that is not for offload is refused it in words', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  using object = open('TWO').load({ programs: [drop] });
  const program = object.program(drop.name);
  assert.throws(
    () => program.attachXdp({ device: left.device, netns: left.name, mode: 'offload' }),
    fails('MODE_UNSUPPORTED', /offload mode: .{8,}/),
  );
  assert.equal(seenByIp(left.name).mode, 'none');
});

test('a device that goes away between its opening and the attach', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  using object = open('TWO').load({ programs: [drop] });
  const program = object.program(drop.name);
  const vanishing = {
    name: program.name,
    id: program.id,
    get fd() {
      using route = left.netns.openNetlink();
      if (findDevice(route, left.ifindex)) deleteDevice(route, left.ifindex);
      return program.fd;
    },
  };
  const options = { device: left.device, netns: left.name, pin: true };
  assert.throws(() => attachXdp(vanishing, options), fails('DEVICE_GONE', 'veth0'));
  assert.throws(() => attachXdp(program, options), fails('DEVICE_NOT_FOUND', 'veth0', 'lo'));
  assert.ok(!existsSync(netnsPinFolder(left.netns.cookie)));
});

test('the next attach removes the pins of devices that are gone, in a namespace that is gone too', async () => {
  using lab = labUp({ temporary: true });
  const { left, right } = lab.hosts;
  using object = open('TWO').load({ programs: [drop] });
  const program = object.program(drop.name);
  for (const host of [left, right]) {
    using _ = program.attachXdp({ device: host.device, netns: host.name, mode: 'generic', pin: true });
  }
  const dead = [left, right].map(({ netns, ifindex }) => ownLinkPin(netns.cookie, ifindex));
  assert.deepEqual(dead.map(existsSync), [true, true]);
  using route = left.netns.openNetlink();
  // Of a pair both go.
  deleteDevice(route, left.ifindex);
  using other = labUp({ temporary: true });
  using _ = program.attachXdp({ device: 'veth0', netns: other.hosts.left.name, pin: true });
  assert.deepEqual(dead.map(existsSync), [false, false]);
});

test('a tap device, and one that has no carrier', () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  toolIn(left.name, 'ip', 'tuntap', 'add', 'dev', 'tap0', 'mode', 'tap');
  using object = open('TWO').load({ programs: [drop] });
  using link = object.program(drop.name).attachXdp({ device: 'tap0', netns: left.name, mode: 'native' });
  assert.equal(link.mode, 'native');
  const status = readStatus({ device: 'tap0', netns: left.name }).devices[0];
  assert.deepEqual([status?.driver, status?.up, status?.attachments.length], ['tun', false, 1]);
  assert.deepEqual(seenByIp(left.name, 'tap0').mode, 'xdp');
});
