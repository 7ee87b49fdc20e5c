import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { XdpkitError } from '../../../errors/error.js';
import { readDriver, readGro, setGro } from '../../ethtool.js';
import { addressOf } from '../../ffi.js';
import { FileDescriptor } from '../../file-descriptor.js';
import type { NetworkNamespace } from '../../network-namespace.js';
import { scratchNetns } from '../../scratch-netns.test.helper.js';
import { isErrno } from '../../syscall-error.js';
import { mustCall } from '../../syscalls.js';
import { findFamily } from '../generic.js';
import { listXdpFeatures, readXdpFeatures } from '../netdev.js';
import { NetlinkSocket } from '../socket.js';
import { addAddress, listAddresses } from './address.js';
import { changeDevice, createVethPair, deleteDevice, findDevice, getDevice, listDevices, setXdp } from './link.js';

interface IpLink {
  ifindex: number;
  ifname: string;
  mtu: number;
  address: string;
  operstate: string;
  flags: string[];
  link_index?: number;
  linkinfo?: { info_kind: string };
  xdp?: { mode: number; prog: { id: number } };
  num_rx_queues: number;
  num_tx_queues: number;
}

function ip<Answer>(netns: NetworkNamespace, ...words: string[]): Answer {
  const output = execFileSync('ip', ['-n', netns.name ?? '', '-j', '-d', ...words], { encoding: 'utf8' });
  return JSON.parse(output) as Answer;
}

function vethPair(t: TestContext) {
  const [near, far] = [scratchNetns(t), scratchNetns(t)];
  const route = near.openNetlink();
  t.after(() => route.close());
  createVethPair(route, { name: 'veth0' }, { name: 'veth1', netnsFd: far.fd, mtu: 1400 });
  return { near, far, route, device: getDevice(route, 'veth0') };
}

/** An XDP program of two instructions that returns XDP_PASS. */
function passProgram(t: TestContext): FileDescriptor {
  const code = Buffer.from('b700000002000000' + '9500000000000000', 'hex');
  const license = Buffer.from('GPL\0');
  const attributes = new Uint8Array(72);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, 6, true);
  view.setUint32(4, 2, true);
  view.setBigUint64(8, addressOf(code), true);
  view.setBigUint64(16, addressOf(license), true);
  const number = mustCall('bpf', 'load a program', [5, attributes, attributes.length]);
  assert.equal(code.length + license.length, 20);
  const program = new FileDescriptor(number, 'program');
  t.after(() => program.close());
  return program;
}

test('devices and their changes read as ip reads them', (t) => {
  const { near, far, route, device } = vethPair(t);
  changeDevice(route, device.index, { up: true, mtu: 1300 });
  {
    using farRoute = far.openNetlink();
    changeDevice(farRoute, getDevice(farRoute, 'veth1').index, { up: true });
  }
  const expected = ip<IpLink[]>(near, 'link');
  const ours = listDevices(route);
  assert.equal(ours.length, expected.length);
  for (const [index, theirs] of expected.entries()) {
    const our = ours[index];
    assert.ok(our);
    assert.deepEqual(
      [our.index, our.name, our.mtu, our.address, our.operationalState, our.kind, our.linkIndex],
      [
        theirs.ifindex,
        theirs.ifname,
        theirs.mtu,
        theirs.address,
        theirs.operstate.toLowerCase(),
        theirs.linkinfo?.info_kind,
        theirs.link_index,
      ],
    );
    assert.deepEqual([our.numRxQueues, our.numTxQueues], [theirs.num_rx_queues, theirs.num_tx_queues]);
    assert.equal(our.flags.up, theirs.flags.includes('UP'));
    assert.equal(our.flags.lowerUp, theirs.flags.includes('LOWER_UP'));
    assert.equal(our.flags.loopback, theirs.flags.includes('LOOPBACK'));
  }
  assert.equal(ip<IpLink[]>(far, 'link', 'show', 'veth1')[0]?.mtu, 1400);
});

test('a device is found by name, alternative name and index, renamed, moved and deleted', (t) => {
  const { near, far, route, device } = vethPair(t);
  execFileSync('ip', [
    '-n',
    near.name ?? '',
    'link',
    'property',
    'add',
    'dev',
    'veth0',
    'altname',
    'a-name-beyond-15-bytes',
  ]);
  assert.equal(findDevice(route, 'a-name-beyond-15-bytes')?.index, device.index);
  assert.equal(findDevice(route, device.index)?.name, 'veth0');
  for (const absent of ['veth9', 'another-name-beyond-15-bytes', 'a/b', '', 'x'.repeat(300), 999, 0, -1]) {
    assert.equal(findDevice(route, absent), undefined, String(absent));
  }
  changeDevice(route, device.index, { name: 'renamed' });
  assert.equal(ip<IpLink[]>(near, 'link', 'show', 'renamed')[0]?.ifindex, device.index);
  changeDevice(route, device.index, { netnsFd: far.fd });
  assert.equal(findDevice(route, 'renamed'), undefined);
  using farRoute = far.openNetlink();
  deleteDevice(farRoute, getDevice(farRoute, 'renamed').index);
  assert.deepEqual(
    ip<IpLink[]>(far, 'link').map(({ ifname }) => ifname),
    ['lo'],
  );
});

test("a device that is absent, and the kernel's own words for a refusal", (t) => {
  const { route, device } = vethPair(t);
  assert.throws(
    () => getDevice(route, 'veth9'),
    (error) => error instanceof XdpkitError && error.code === 'DEVICE_NOT_FOUND' && /lo, veth0/.test(error.hint ?? ''),
  );
  assert.throws(
    () => changeDevice(route, device.index, { mtu: 100_000 }),
    (error) => isErrno(error, 'EINVAL') && error.said === 'mtu greater than device maximum',
  );
  assert.throws(
    () => createVethPair(route, { name: 'veth0' }, { name: 'other' }),
    (error) => isErrno(error, 'EEXIST'),
  );
  // The socket goes on after a refusal.
  assert.equal(getDevice(route, 'veth0').index, device.index);
});

test('a list longer than one datagram is read whole', (t) => {
  const netns = scratchNetns(t);
  using route = netns.openNetlink();
  const pairs = 100;
  for (let index = 0; index < pairs; index++) createVethPair(route, { name: `a${index}` }, { name: `b${index}` });
  const names = listDevices(route).map(({ name }) => name);
  assert.equal(names.length, 1 + 2 * pairs);
  assert.equal(new Set(names).size, names.length);
});

test('addresses of both versions read as ip reads them', (t) => {
  const { near, route, device } = vethPair(t);
  const ifindex = device.index;
  addAddress(route, { ifindex, address: '10.11.1.1', prefixLength: 24 });
  const six = { ifindex, address: 'fc00:dead:cafe:1::1', prefixLength: 64 };
  addAddress(route, { ...six, skipDuplicateDetection: true });
  assert.throws(
    () => addAddress(route, six),
    (error) => isErrno(error, 'EEXIST'),
  );
  const [theirs] = ip<{ addr_info: { local: string; prefixlen: number; scope: string }[] }[]>(
    near,
    'addr',
    'show',
    'veth0',
  );
  const ours = listAddresses(route, ifindex);
  assert.deepEqual(
    ours.map(({ address, prefixLength, scope }) => ({ address, prefixLength, scope })),
    theirs?.addr_info.map(({ local, prefixlen, scope }) => ({ address: local, prefixLength: prefixlen, scope })),
  );
  assert.deepEqual(
    ours.map(({ version, tentative, duplicate }) => [version, tentative, duplicate]),
    [
      [4, false, false],
      [6, false, false],
    ],
  );
  assert.ok(listAddresses(route).some(({ address }) => address === '127.0.0.1'));
});

for (const [mode, ipMode] of [
  ['native', 1],
  ['generic', 2],
] as const) {
  test(`an XDP program is attached, replaced and detached by netlink: ${mode}`, (t) => {
    const { near, route, device } = vethPair(t);
    const [first, second] = [passProgram(t), passProgram(t)];
    const ifindex = device.index;
    const shown = () => ip<IpLink[]>(near, 'link', 'show', 'veth0')[0]?.xdp;
    assert.equal(shown(), undefined);
    setXdp(route, { ifindex, programFd: first.number, mode, onlyIfNone: true });
    const attached = getDevice(route, ifindex).xdp;
    assert.equal(attached.attached, mode);
    assert.deepEqual(attached.programs, [{ mode, id: shown()?.prog.id }]);
    assert.equal(shown()?.mode, ipMode);
    assert.throws(
      () => setXdp(route, { ifindex, programFd: second.number, mode, onlyIfNone: true }),
      (error) => isErrno(error, 'EBUSY', 'EEXIST') && error.said === 'XDP program already attached',
    );
    assert.throws(
      () => setXdp(route, { ifindex, programFd: first.number, mode, expectedFd: second.number }),
      (error) => isErrno(error, 'EEXIST'),
    );
    setXdp(route, { ifindex, programFd: second.number, mode, expectedFd: first.number });
    assert.notEqual(shown()?.prog.id, attached.programs[0]?.id);
    assert.equal(getDevice(route, ifindex).xdp.programs[0]?.id, shown()?.prog.id);
    setXdp(route, { ifindex, programFd: -1, mode });
    assert.equal(shown(), undefined);
    assert.deepEqual(getDevice(route, ifindex).xdp, { attached: 'none', programs: [] });
  });
}

test('what a device cannot is told in words', (t) => {
  const { route, device, far } = vethPair(t);
  const program = passProgram(t);
  assert.throws(
    () => setXdp(route, { ifindex: device.index, programFd: program.number, mode: 'offload' }),
    // veth gives no text of its own here: the number's words stand alone.
    (error) => isErrno(error, 'EINVAL') && error.said === undefined && /Invalid argument/.test(error.message),
  );
  using farRoute = far.openNetlink();
  changeDevice(farRoute, getDevice(farRoute, 'veth1').index, { mtu: 9000 });
  assert.throws(
    () => setXdp(route, { ifindex: device.index, programFd: program.number, mode: 'native' }),
    (error) => isErrno(error, 'ERANGE') && /MTU/i.test(error.said ?? ''),
  );
  assert.deepEqual(getDevice(route, device.index).xdp.attached, 'none');
});

test('driver and GRO as ethtool shows them, features as the kernel announces them', (t) => {
  const { near, device } = vethPair(t);
  const ethtool = (...words: string[]) =>
    execFileSync('ip', ['netns', 'exec', near.name ?? '', 'ethtool', ...words], { encoding: 'utf8' });
  const driver = near.run(() => readDriver('veth0'));
  assert.equal(driver?.driver, /^driver: (.*)$/m.exec(ethtool('-i', 'veth0'))?.[1]);
  assert.equal(driver?.version, /^version: (.*)$/m.exec(ethtool('-i', 'veth0'))?.[1]);
  assert.equal(
    near.run(() => readDriver('veth9')),
    undefined,
  );
  for (const on of [true, false, true]) {
    near.run(() => setGro('veth0', on));
    assert.match(ethtool('-k', 'veth0'), new RegExp(`^generic-receive-offload: ${on ? 'on' : 'off'}`, 'm'));
    assert.equal(
      near.run(() => readGro('veth0')),
      on,
    );
  }
  assert.throws(
    () => near.run(() => setGro('veth9', true)),
    (error) => isErrno(error, 'ENODEV'),
  );
  const features = near.run(() => readXdpFeatures(device.index));
  assert.ok(features?.features.includes('basic') && features.features.includes('redirect'));
  assert.ok(features?.rxMetadata.includes('hash'));
  assert.deepEqual(near.run(() => listXdpFeatures())?.get(device.index), features);
  assert.equal(
    near.run(() => readXdpFeatures(999)),
    undefined,
  );
});

test('a generic netlink family that does not exist is undefined', () => {
  using generic = NetlinkSocket.open('generic');
  assert.equal(findFamily(generic, 'nlctrl'), 0x10);
  assert.equal(findFamily(generic, 'no-such-family'), undefined);
});
