/** `xdpkit link …` against bpftool, on links of the tests' own. */
import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdirSync, openSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { before, test } from 'node:test';
import { Attribute, mustBpf } from '../kernel/bpf.js';
import { bpftool, uniqueName } from '../kernel/kernel-state.test.support.js';
import { BpfLink } from '../kernel/link.js';
import { labUp } from '../lab/lab-up.js';
import { sweepLabs } from '../lab/remove.js';
import { FileDescriptor } from '../linux/file-descriptor.js';
import { netnsPath } from '../linux/named-netns.js';
import { openText } from '../object/compile-text.test.support.js';
import { attachTypes } from '../uapi/bpf.generated.js';
import { assertNoTraces, objectPath, seenByIp, token } from '../xdp/real.test.support.js';
import { runWords } from './run-words.test.support.js';

before(() => void sweepLabs());

const unique = uniqueName();
const object = openText(`
SEC("cgroup_skb/egress") int out_${unique}(void *c) { return 1; }
SEC("tcx/ingress") int tc_${unique}(void *c) { return -1; }
SEC("raw_tp/xdp_exception") int tp_${unique}(void *c) { return 0; }
SEC("sk_lookup") int sk_${unique}(void *c) { return 1; }
`);

async function text(...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runWords(['link', ...words]);
  assert.equal(exitCode, 0, `${words.join(' ')}: ${stderr}`);
  return stdout;
}

async function json(...words: string[]) {
  const { exitCode, stdout, stderr } = await runWords(['link', ...words, '--json']);
  assert.deepEqual([exitCode, stderr], [0, ''], stdout);
  return JSON.parse(stdout);
}

async function refusal(exitCode: number, ...words: string[]): Promise<string> {
  const ran = await runWords(['link', ...words]);
  assert.equal(ran.exitCode, exitCode, `${words.join(' ')}: ${ran.stdout}${ran.stderr}`);
  return ran.stderr;
}

test('an XDP link: its device and namespace, who holds it, pin and detach', async () => {
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const program = `pass_${token}`;
  const on = ['--dev', 'veth0', '--netns', left.name];
  const attached = await runWords(['attach', objectPath('TWO'), '--prog', program, ...on]);
  assert.equal(attached.exitCode, 0, attached.stderr);
  const programId = seenByIp(left.name).id;
  const seen = (bpftool('link', 'list') as { id: number; type: string; prog_id: number }[]).find(
    ({ prog_id }) => prog_id === programId,
  );
  assert.ok(seen);
  const id = String(seen.id);
  const own = `/sys/fs/bpf/xdpkit/netns-${left.netns.cookie}/${left.ifindex}/xdp-link`;

  const { links } = await json('ls');
  const document = {
    id: seen.id,
    type: 'xdp',
    program: { id: programId, name: program },
    target: { kind: 'device', ifindex: left.ifindex, attachType: 'xdp', device: 'veth0', netns: left.name },
    pins: [own],
    processes: [],
  };
  assert.deepEqual(
    links.find((link: { id: number }) => link.id === seen.id),
    document,
  );
  assert.deepEqual(await json('show', own), document);
  const listed = await text('ls');
  assert.match(listed, new RegExp(`^ *${id} +xdp +${program} \\(${programId}\\) +veth0 in ${left.name}$`, 'm'));
  assert.match(listed, new RegExp(`^link ${id} is held by pin ${own}$`, 'm'));
  assert.match(await text('show', id), new RegExp(`^ {2}target {3}veth0 in ${left.name}$`, 'm'));

  const pin = `/sys/fs/bpf/link_${token}`;
  await text('pin', id, pin);
  try {
    assert.match(await refusal(1, 'pin', id, pin), /the path is taken/);
    const detached = await text('detach', pin);
    assert.deepEqual(detached.split('\n'), [
      `detached xdp link ${id}: program ${program} (${programId}) on veth0 in ${left.name}`,
      `  was held by pin ${pin}, pin ${own}`,
      `  ${pin} now pins a link that attaches nothing`,
      '',
    ]);
    assert.equal(seenByIp(left.name).mode, 'none');
    assert.ok(!existsSync(own), 'a pin of ours goes with the attachment');
    assert.match(await text('show', pin), /^ {2}target {3}no device: it is gone, or the link was detached$/m);
  } finally {
    rmSync(pin);
  }
  assert.match(await refusal(3, 'show', pin), /^error: there is no link pinned at/);
  assert.match(await refusal(3, 'detach', '4294967295'), /^error: there is no link with id 4294967295\nhint: /);
  await assertNoTraces(lab);
});

/** link_create: prog_fd 0, target_fd or target_ifindex 4, attach_type 8. */
function attach(programFd: number, target: number, attachType: keyof typeof attachTypes): BpfLink {
  const attribute = new Attribute(48).u32(0, programFd).u32(4, target).u32(8, attachTypes[attachType]);
  return new BpfLink(new FileDescriptor(mustBpf('link_create', attribute, 'attach'), 'link'));
}

test('links of other types tell their targets, as bpftool does', async () => {
  const programs = ['out', 'tc', 'tp'].map((each) => `${each}_${unique}`);
  const lookup = { name: `sk_${unique}`, type: 'sk_lookup', attachType: 'sk_lookup' };
  using loaded = object.load({ programs: [...programs, lookup] });
  const [outgoing, ingress, tracing, socket] = [...programs, lookup.name].map((name) => loaded.program(name).fd);
  assert.ok(outgoing && ingress && tracing && socket);
  using lab = labUp({ temporary: true });
  const { left } = lab.hosts;
  const netns = openSync(netnsPath(left.name), 'r');
  const folder = `/sys/fs/cgroup/unified/xdpkit-test-${unique}`;
  mkdirSync(folder);
  const cgroup = openSync(folder, 'r');
  try {
    using inCgroup = attach(outgoing, cgroup, 'cgroup_inet_egress');
    using inNetns = attach(socket, netns, 'sk_lookup');
    using onDevice = left.netns.run(() => attach(ingress, left.ifindex, 'tcx_ingress'));
    // raw_tracepoint_open: name 0, prog_fd 8
    const opened = mustBpf('raw_tracepoint_open', new Attribute(16).path(0, 'xdp_exception').u32(8, tracing), 'attach');
    using atTracepoint = new BpfLink(new FileDescriptor(opened, 'link'));
    const ids = [inCgroup, inNetns, onDevice, atTracepoint].map((link) => String(link.info().id));

    const targets = [];
    for (const id of ids) targets.push((await json('show', id)).target);
    const { ino } = statSync(folder, { bigint: true });
    const inode = Number(left.netns.inode);
    assert.deepEqual(targets, [
      { kind: 'cgroup', cgroupId: Number(ino), attachType: 'cgroup_inet_egress' },
      { kind: 'netns', inode, attachType: 'sk_lookup' },
      { kind: 'device', ifindex: left.ifindex, attachType: 'tcx_ingress', device: null, netns: null },
      { kind: 'tracepoint', name: 'xdp_exception' },
    ]);
    const shown = ids.map((id) => bpftool('link', 'show', 'id', id) as Record<string, unknown>);
    assert.deepEqual(
      [shown[0]?.cgroup_id, shown[1]?.netns_ino, shown[3]?.tp_name],
      [Number(ino), inode, 'xdp_exception'],
    );

    const listed = await text('ls');
    const lines = [
      `cgroup +out_${unique} \\(\\d+\\) +cgroup ${ino}, cgroup_inet_egress`,
      `netns +sk_${unique} \\(\\d+\\) +net:\\[${inode}\\], sk_lookup`,
      `tcx +tc_${unique} \\(\\d+\\) +the device with index ${left.ifindex}, tcx_ingress`,
      `raw_tracepoint +tp_${unique} \\(\\d+\\) +tracepoint xdp_exception`,
    ];
    for (const [index, line] of lines.entries()) {
      assert.match(listed, new RegExp(`^ *${ids[index]} +${line}$`, 'm'));
    }
    const [first, , , last] = ids as [string, string, string, string];
    assert.match(await text('detach', first), new RegExp(`^detached cgroup link ${first}: program out_${unique} `));
    const refused = await refusal(5, 'detach', last);
    assert.match(refused, /^error: detach raw_tracepoint link .*cannot detach links of this type.*\nhint: /);
  } finally {
    closeSync(cgroup);
    closeSync(netns);
    rmdirSync(folder);
  }
});
