import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { openMap } from '../kernel/map-create.js';
import { openPinned } from '../kernel/pin.js';
import { labUp } from '../lab/lab-up.js';
import { ping } from '../lab/ping.js';
import { sweepLabs } from '../lab/remove.js';
import { openText } from '../object/compile-text.test.support.js';
import { detachXdp } from '../xdp/detach.js';
import { assertNoTraces, fails, open, seenByIp, token, tool, traces } from '../xdp/real.test.support.js';
import { attachObject } from './attach-object.js';

before(() => void sweepLabs());

const pin = `/sys/fs/bpf/pin_${token}`;
after(() => rmSync(pin, { force: true }));

test('what a failed attach has pinned goes again; what was there before stays', async () => {
  using lab = labUp({ temporary: true, mtu: 9000 });
  const target = { device: 'veth0', netns: lab.hosts.left.name };
  const attach = () => attachObject(open('PINNED'), { ...target, mode: 'native', replace: 'refuse' });
  assert.throws(attach, fails('MTU_TOO_LARGE'));
  await assertNoTraces(lab);

  attachObject(open('PINNED'), { ...target, replace: 'refuse' });
  assert.ok(existsSync(pin));
  assert.throws(attach, fails('ATTACH_EXISTS'));
  detachXdp(target);
  assert.throws(attach, fails('MTU_TOO_LARGE'));
  assert.ok(existsSync(pin));
});

test('a pinned map of another shape: the fields that differ are named, and nothing is made', () => {
  using lab = labUp({ temporary: true });
  rmSync(pin, { force: true });
  tool('bpftool', 'map', 'create', pin, 'type', 'array', 'key', '4', 'value', '16', 'entries', '3', 'name', 'other');
  const target = { device: 'veth0', netns: lab.hosts.left.name };
  const before = traces(lab);
  assert.throws(
    () => attachObject(open('PINNED'), { ...target, replace: 'refuse' }),
    fails('PIN_MISMATCH', pin, 'value size is 16, the object asks for 8', 'max entries is 3, the object asks for 1'),
  );
  assert.deepEqual(traces(lab), before);
  rmSync(pin);
});

test('a swap goes on with the maps of the same shape, and says which it could not keep', () => {
  using lab = labUp({ temporary: true });
  const target = { device: 'veth0', netns: lab.hosts.left.name };
  attachObject(open('PINNED'), { ...target, replace: 'allow' });
  using first = openMap(openPinned(pin, 'test map') ?? assert.fail('no pin'));
  first.set(0, 42n);
  const { replaced, program } = attachObject(open('PINNED'), { ...target, replace: 'require' });
  assert.deepEqual([...(replaced?.keptMaps ?? [])].sort(), [`pin_${token}`, 'xdp_stats']);
  assert.equal(first.get(0), 42n);
  assert.equal(seenByIp(target.netns).id, program.id);
  const layout = ['LAYOUT=struct other', 'MAP_TYPE=BPF_MAP_TYPE_ARRAY', 'ENTRIES=7', 'KEY=0', 'FIELD_TYPE=__u64'];
  const other = attachObject(open(...layout, 'OFFSET=0', 'MAP_NAME=xdp_stats'), { ...target, replace: 'require' });
  assert.deepEqual(other.replaced?.keptMaps, []);
  assert.deepEqual(
    other.replaced?.freshMaps.map(({ name, reason }) => [
      name,
      /type is percpu_array, .* max entries is 5/.test(reason),
    ]),
    [['xdp_stats', true]],
  );
});

test('a swap says that global variables start anew', () => {
  using lab = labUp({ temporary: true });
  const target = { device: 'veth0', netns: lab.hosts.left.name };
  const object = openText(`__u64 seen; const volatile __u64 limit = 1;
    SEC("xdp") int count_${token}(struct xdp_md *context) { seen += limit; return 2; }`);
  attachObject(object, { ...target, replace: 'refuse' });
  const { replaced } = attachObject(object, { ...target, replace: 'require' });
  assert.deepEqual(replaced?.freshMaps, [{ name: '.bss', reason: 'global variables start anew' }]);
});

test('a swap where nothing is, and a refused swap', () => {
  using lab = labUp({ temporary: true });
  const target = { device: 'veth0', netns: lab.hosts.left.name };
  assert.throws(() => attachObject(open('ONE'), { ...target, replace: 'require' }), fails('NOT_ATTACHED', 'veth0'));
  attachObject(open('ONE'), { ...target, replace: 'allow', mode: 'generic' });
  const { id } = seenByIp(target.netns);
  assert.throws(
    () => attachObject(open('ONE'), { ...target, replace: 'require', mode: 'offload' }),
    fails('MODE_UNSUPPORTED', 'veth0'),
  );
  assert.deepEqual(seenByIp(target.netns), { mode: 'xdpgeneric', id });
  const { mode } = attachObject(open('ONE'), { ...target, replace: 'require', mode: 'auto' });
  assert.equal(mode, 'generic');
});

test('tail calls through an array that the object fills go on after attach and replace, and nothing of it stays', async () => {
  using lab = labUp({ temporary: true });
  const { left, right } = lab.hosts;
  const target = { device: 'veth0', netns: left.name };
  const source = (verdict: string) => `int drop_${token}(struct xdp_md *);
    struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2); __type(key, __u32);
      __array(values, int (struct xdp_md *)); } j_${token} SEC(".maps") = { .values = { [1] = &drop_${token} } };
    SEC("xdp") int drop_${token}(struct xdp_md *c) { return ${verdict}; }
    SEC("xdp") int main_${token}(struct xdp_md *c) { bpf_tail_call(c, &j_${token}, 1); return XDP_PASS; }`;
  const answered = async () => {
    const { received } = await ping({
      netns: left.netns,
      destination: right.ipv4,
      count: 3,
      intervalMs: 2,
      timeoutMs: 200,
    });
    return received;
  };
  assert.equal(await answered(), 3, 'neighbours are found before all is dropped');
  const program = `main_${token}`;
  attachObject(openText(source('XDP_DROP')), { ...target, program, replace: 'refuse' });
  assert.equal(await answered(), 0, 'all is dropped, although no process holds the array');
  const folder = `/sys/fs/bpf/xdpkit/netns-${left.netns.cookie}/${left.ifindex}`;
  pinnedBeside(folder);
  attachObject(openText(source('XDP_PASS')), { ...target, program, replace: 'require' });
  assert.equal(await answered(), 3);
  pinnedBeside(folder);
  assert.throws(
    () => attachObject(openText(source('XDP_PASS')), { ...target, program, replace: 'require', mode: 'offload' }),
    fails('MODE_UNSUPPORTED', 'veth0'),
  );
  assert.equal(readdirSync(folder).length, 2);
  attachObject(openText(source('XDP_DROP')), {
    ...target,
    program,
    replace: 'require',
    mode: 'generic',
  });
  assert.equal(await answered(), 0);
  pinnedBeside(folder);
  detachXdp(target);
  assert.equal(existsSync(folder), false);
});

function pinnedBeside(folder: string): void {
  assert.match(readdirSync(folder).sort().join(' '), /^map-\d+ xdp-link$/);
}
