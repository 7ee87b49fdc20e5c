import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachTypes, programTypes } from '../uapi/bpf.generated.js';
import { programKind, programSections } from './sections.js';

test('names are matched whole, or up to the slash before a target', () => {
  const shown = (name: string) => {
    const kind = programKind(name);
    return kind && [kind.type, kind.attachType, kind.frags ?? false, kind.sleepable ?? false];
  };
  assert.deepEqual(shown('xdp'), ['xdp', 'xdp', false, false]);
  assert.deepEqual(shown('?xdp.frags'), ['xdp', 'xdp', true, false]);
  assert.deepEqual(shown('xdp.frags/cpumap'), ['xdp', 'xdp_cpumap', true, false]);
  assert.deepEqual(shown('tcx/egress'), ['sched_cls', 'tcx_egress', false, false]);
  assert.deepEqual(shown('kprobe/do_exit'), ['kprobe', undefined, false, false]);
  assert.deepEqual(shown('tp/xdp/xdp_exception'), ['tracepoint', undefined, false, false]);
  assert.deepEqual(shown('fentry.s/open'), ['tracing', 'trace_fentry', false, true]);
  for (const unknown of [
    'xdp1',
    'xdp_drop',
    'xdp/',
    'xdp/other',
    'prog',
    '',
    'constructor',
    '__proto__/x',
    'kprobes',
  ]) {
    assert.equal(shown(unknown), undefined, unknown);
  }
});

test('every type is one that the kernel has', () => {
  for (const [name, { type, attachType }] of Object.entries(programSections)) {
    assert.ok(type in programTypes, name);
    if (attachType) assert.ok(attachType in attachTypes, name);
  }
});
