/** Where devices are attached to: a network namespace without a name, which is gone when the bench is, even by a crash. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pinRoot } from '../kernel/pin.js';
import { changeDevice, createVethPair, getDevice } from '../linux/netlink/route/link.js';
import {
  currentNetns,
  holdNamespace,
  type NetworkNamespace,
  newNetworkNamespace,
  ownNamespacePath,
} from '../linux/network-namespace.js';
import { mustCall } from '../linux/syscalls.js';
import { netnsPinFolder } from '../xdp/own-pins.js';

export interface Field extends Disposable {
  readonly netns: NetworkNamespace;
  /** One end of a veth pair, both up. */
  readonly device: string;
  /** Where a peer may pin its program. */
  readonly pin: string;
}

/** Pins outlive namespaces: what a run may leave is written down first, and removed by the next if this one can't. */
export function makeField(root: string): Field {
  const notes = join(root, 'dist/bench');
  removeLeftovers(notes);
  const random = randomBytes(4).toString('hex');
  const device = `bench${random}`;
  const pin = `/sys/fs/bpf/xdpkit-bench-${random}`;
  const netns = makeNamespace();
  const note = join(notes, `pins-${process.pid}`);
  mkdirSync(notes, { recursive: true });
  writeFileSync(note, `${pin}\n${netnsPinFolder(netns.cookie)}\n`);
  const field = {
    netns,
    device,
    pin,
    [Symbol.dispose]() {
      netns.close();
      removePins(note);
    },
  };
  try {
    using route = netns.openNetlink('route');
    createVethPair(route, { name: device }, { name: `peer${random}` });
    for (const name of [device, `peer${random}`]) changeDevice(route, getDevice(route, name).index, { up: true });
    return field;
  } catch (error) {
    field[Symbol.dispose]();
    throw error;
  }
}

function makeNamespace(): NetworkNamespace {
  using before = currentNetns();
  mustCall('unshare', 'make a network namespace', [newNetworkNamespace]);
  try {
    return holdNamespace(ownNamespacePath, undefined);
  } finally {
    mustCall('setns', 'return to the network namespace of before', [before.fd, newNetworkNamespace]);
  }
}

function removeLeftovers(notes: string): void {
  for (const name of readdirSync(notes)) {
    const [, pid] = /^pins-(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) removePins(join(notes, name));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function removePins(note: string): void {
  for (const path of readFileSync(note, 'utf8').split('\n')) {
    if (path.startsWith('/sys/fs/bpf/')) rmSync(path, { recursive: true, force: true });
  }
  rmSync(note, { force: true });
  try {
    rmdirSync(pinRoot);
  } catch {
    // Others have pins there, or it is gone already.
  }
}
