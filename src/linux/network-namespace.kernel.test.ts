import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import { listAllNetns } from './all-netns.js';
import { effectiveCapabilities } from './capabilities.js';
import { possibleCpus } from './cpu.js';
import { isOnFileSystem, listMounts } from './mount.js';
import { createNetns, deleteNetns, listNetns, netnsExists, netnsPath, openNetns } from './named-netns.js';
import { currentNetns } from './network-namespace.js';
import { scratchName, scratchNetns } from './scratch-netns.test.helper.js';

const own = () => readlinkSync('/proc/thread-self/ns/net');
const hasCode = (code: string) => (error: unknown) => error instanceof XdpkitError && error.code === code;

test('ip knows a namespace that we make, its lo is up, and we know one that ip makes', (t) => {
  const before = own();
  const made = scratchNetns(t);
  assert.equal(own(), before);
  const names = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  assert.match(names, new RegExp(`^${made.name}\\b`, 'm'));
  const links = execFileSync('ip', ['netns', 'exec', made.name ?? '', 'ip', '-j', 'link'], { encoding: 'utf8' });
  const [lo, ...others] = JSON.parse(links) as { ifname: string; flags: string[] }[];
  assert.deepEqual(others, []);
  assert.equal(lo?.ifname, 'lo');
  assert.ok(lo?.flags.includes('UP'));

  const theirs = scratchName();
  execFileSync('ip', ['netns', 'add', theirs]);
  try {
    using opened = openNetns(theirs);
    assert.equal(opened.inode, statSync(netnsPath(theirs), { bigint: true }).ino);
    assert.ok(listNetns().includes(theirs));
  } finally {
    deleteNetns(theirs);
  }
  assert.doesNotMatch(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }), new RegExp(theirs));
  assert.equal(existsSync(netnsPath(theirs)), false);
});

test('run goes there and comes back: nested, on a throw, and in the namespace itself', (t) => {
  const [one, other] = [scratchNetns(t), scratchNetns(t)];
  const before = own();
  const seen = one.run(() => [own(), other.run(own), one.run(own), own()]);
  assert.deepEqual(seen, [`net:[${one.inode}]`, `net:[${other.inode}]`, `net:[${one.inode}]`, `net:[${one.inode}]`]);
  assert.equal(own(), before);
  assert.throws(
    () =>
      one.run(() => {
        throw new RangeError('thrown inside');
      }),
    RangeError,
  );
  assert.equal(own(), before);
  using here = currentNetns();
  assert.equal(`net:[${here.inode}]`, before);
  assert.equal(here.run(own), before);
});

test('a callback that returns a promise is refused, and the thread is back', (t) => {
  const netns = scratchNetns(t);
  const before = own();
  assert.throws(() => netns.run(() => Promise.resolve(1)), hasCode('USAGE'));
  assert.throws(() => netns.run(async () => own()), hasCode('USAGE'));
  assert.equal(own(), before);
});

test('a child that is spawned inside is in the namespace, and sees the BPF file system of outside', (t) => {
  const netns = scratchNetns(t);
  const script = 'readlink /proc/self/ns/net; stat -f -c %T /sys/fs/bpf; cat /proc/net/dev | grep -c :';
  const { stdout } = netns.run(() => spawnSync('sh', ['-c', script], { encoding: 'utf8' }));
  const outside = spawnSync('stat', ['-f', '-c', '%T', '/sys/fs/bpf'], { encoding: 'utf8' }).stdout.trim();
  assert.deepEqual(stdout.trim().split('\n'), [`net:[${netns.inode}]`, outside, '1']);
  assert.deepEqual(Object.keys(netns.run(networkInterfaces)), ['lo']);
});

test('cookies tell namespaces apart and stay the same for one', (t) => {
  const [one, other] = [scratchNetns(t), scratchNetns(t)];
  assert.notEqual(one.cookie, other.cookie);
  using again = openNetns(one.name ?? '');
  assert.equal(again.cookie, one.cookie);
  using here = currentNetns();
  assert.notEqual(here.cookie, one.cookie);
});

test('references: name, path, process, folder of a process', (t) => {
  const netns = scratchNetns(t);
  using byPath = openNetns(netnsPath(netns.name ?? ''));
  assert.equal(byPath.inode, netns.inode);
  for (const reference of [process.pid, String(process.pid), `/proc/${process.pid}`, `/proc/${process.pid}/ns/net`]) {
    using byProcess = openNetns(reference);
    assert.equal(`net:[${byProcess.inode}]`, own());
  }
});

test('a namespace that is not there: the hint lists what is; another kind of file is refused', (t) => {
  const netns = scratchNetns(t);
  for (const reference of ['no-such-name', '/run/netns/no-such-name', '/etc/passwd', '/proc/self/ns/mnt', 4_194_304]) {
    assert.throws(
      () => openNetns(reference),
      (error) =>
        error instanceof XdpkitError &&
        error.code === 'NETNS_NOT_FOUND' &&
        error.message.includes(String(reference)) &&
        error.hint?.includes(netns.name ?? '?') === true,
    );
  }
  assert.throws(() => deleteNetns('no-such-name'), hasCode('NETNS_NOT_FOUND'));
  assert.throws(() => createNetns(netns.name ?? ''), hasCode('FAILED'));
});

test('a name without a namespace, as a crash leaves it, is told apart and can be removed', () => {
  const name = scratchName();
  writeFileSync(netnsPath(name), '');
  assert.equal(netnsExists(name), 'file');
  assert.throws(() => openNetns(name), hasCode('NETNS_NOT_FOUND'));
  deleteNetns(name);
  assert.equal(netnsExists(name), undefined);
});

test('a failure before naming leaves neither name nor namespace change', () => {
  const name = scratchName();
  const before = own();
  assert.throws(
    () =>
      createNetns(name, () => {
        assert.equal(netnsExists(name), undefined);
        throw new RangeError('stop');
      }),
    RangeError,
  );
  assert.equal(own(), before);
  assert.equal(netnsExists(name), undefined);
});

test('all namespaces: by name and by process, each once', (t) => {
  const netns = scratchNetns(t);
  const all = listAllNetns();
  assert.equal(new Set(all.map(({ inode }) => inode)).size, all.length);
  assert.equal(all.find(({ inode }) => inode === netns.inode)?.name, netns.name);
  assert.ok(all.find(({ processes }) => processes.includes(process.pid)));
});

test('what the machine tells about mounts, CPUs and capabilities agrees with its own tools', () => {
  const bpf = listMounts().some(({ path, type }) => path === '/sys/fs/bpf' && type === 'bpf');
  assert.equal(isOnFileSystem('/sys/fs/bpf', 'bpf'), bpf);
  assert.equal(isOnFileSystem('/proc', 'bpf'), false);
  assert.equal(isOnFileSystem('/no/such/path', 'bpf'), false);
  // One line a CPU would only count those that run; the kernel's own list counts those that may come.
  const last = /(\d+)\s*$/.exec(readFileSync('/sys/devices/system/cpu/possible', 'utf8'))?.[1];
  assert.equal(possibleCpus(), Number(last) + 1);
  assert.ok(effectiveCapabilities().has('sys_admin'));
});
