import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachTypes, programTypes } from '../uapi/bpf.generated.js';
import { kindByLibbpf } from './libbpf.test.support.js';
import { newerAttachTypes, sectionDefinitions } from './sections.generated.js';
import { programKind } from './sections.js';

function shown(name: string): unknown[] | undefined {
  const kind = programKind(name);
  return kind && [kind.type, kind.attachType, kind.attachTo, kind.frags ?? false, kind.sleepable ?? false];
}

test('names are matched whole, or up to the slash before a target', () => {
  assert.deepEqual(shown('xdp'), ['xdp', 'xdp', undefined, false, false]);
  assert.deepEqual(shown('?xdp.frags'), ['xdp', 'xdp', undefined, true, false]);
  assert.deepEqual(shown('xdp.frags/cpumap'), ['xdp', 'xdp_cpumap', undefined, true, false]);
  assert.deepEqual(shown('tcx/egress'), ['sched_cls', 'tcx_egress', undefined, false, false]);
  assert.deepEqual(shown('kprobe/do_exit'), ['kprobe', undefined, 'do_exit', false, false]);
  assert.deepEqual(shown('kprobe'), ['kprobe', undefined, undefined, false, false]);
  assert.deepEqual(shown('kprobe/'), ['kprobe', undefined, undefined, false, false]);
  assert.deepEqual(shown('tp/xdp/xdp_exception'), ['tracepoint', undefined, 'xdp/xdp_exception', false, false]);
  assert.deepEqual(shown('?fentry.s/nf_tables:open'), ['tracing', 'trace_fentry', 'nf_tables:open', false, true]);
  assert.deepEqual(shown('iter.s/task'), ['tracing', 'trace_iter', 'task', false, true]);
  assert.deepEqual(shown('freplace/prog0'), ['ext', undefined, 'prog0', false, false]);
  assert.deepEqual(shown('struct_ops.s/init'), ['struct_ops', undefined, 'init', false, true]);
});

test('names of the time before libbpf 1.0, where any ending could follow', () => {
  assert.deepEqual(shown('xdp_drop'), ['xdp', 'xdp', undefined, false, false]);
  assert.deepEqual(shown('xdp1'), ['xdp', 'xdp', undefined, false, false]);
  assert.deepEqual(shown('xdp/any'), ['xdp', 'xdp', undefined, false, false]);
  assert.deepEqual(shown('xdp_devmap/any'), ['xdp', 'xdp_devmap', undefined, false, false]);
  assert.deepEqual(shown('xdp_cpumap/any'), ['xdp', 'xdp_cpumap', undefined, false, false]);
  assert.deepEqual(shown('socket_filter/2'), ['socket_filter', undefined, undefined, false, false]);
  assert.deepEqual(shown('classifier_ingress'), ['sched_cls', undefined, undefined, false, false]);
  assert.deepEqual(shown('cgroup/connect4/mine'), [
    'cgroup_sock_addr',
    'cgroup_inet4_connect',
    undefined,
    false,
    false,
  ]);
  for (const unknown of [
    'xdping',
    'tcp_v4',
    'prog',
    '',
    'constructor',
    '__proto__/x',
    'kprobes',
    'kprobe_x',
    '.text',
  ]) {
    assert.equal(shown(unknown), undefined, unknown);
  }
});

test('every type is one that the kernel has, or will have', () => {
  assert.ok(Object.keys(sectionDefinitions).length > 100);
  for (const [name, { type, attachType }] of Object.entries(sectionDefinitions)) {
    assert.ok(type in programTypes, name);
    if (attachType) assert.ok(attachType in attachTypes || attachType in newerAttachTypes, name);
  }
});

/** The installed libbpf is older than the source of the table; these it does not know, or knew otherwise. */
const sinceThen =
  /^(kprobe\.session|uprobe\.session|u(ret)?probe\.multi|usdt\.s|tcx?\/|netkit\/|fsession|netfilter|sk_skb\/verdict|cgroup\/.*_unix|struct_ops\.s)/;

test('the installed libbpf reads the names in the same way', () => {
  let agreed = 0;
  for (const [name, { target }] of Object.entries(sectionDefinitions)) {
    for (const section of target ? [name, `${name}/some/where`] : [name]) {
      const theirs = kindByLibbpf(section);
      if (theirs === undefined) {
        assert.match(name, sinceThen, `libbpf does not know ${section}`);
        continue;
      }
      const kind = programKind(section);
      assert.ok(kind, section);
      const attachType = kind.attachType ? (attachTypes as Record<string, number>)[kind.attachType] : 0;
      assert.deepEqual({ type: programTypes[kind.type], attachType }, theirs, section);
      agreed += 1;
    }
  }
  assert.ok(agreed > 100, String(agreed));
});
