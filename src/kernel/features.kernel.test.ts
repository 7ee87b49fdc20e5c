import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readBtf } from '../btf/btf.js';
import { kernelOlderThan } from '../linux/kernel-release.js';
import { runWithCapabilities } from './capabilities.test.support.js';
import { kernelFeatures } from './features.js';
import { loadProbeProgram, thenClose } from './probe-calls.js';

test('what bpftool finds, the probes find too', () => {
  const found = JSON.parse(execFileSync('bpftool', ['--json', 'feature', 'probe', 'kernel'], { encoding: 'utf8' }));
  assert.equal(kernelFeatures.bpf.probe().available, found.program_types.have_socket_filter_prog_type);
  assert.equal(kernelFeatures.xdp.probe().available, found.program_types.have_xdp_prog_type);
  assert.equal(kernelFeatures.ringBuffer.probe().available, found.map_types.have_ringbuf_map_type);
});

test('root finds all that the release has, but what the kernel forbids', () => {
  const expected = Object.values(kernelFeatures).filter(({ name, since }) => {
    return name !== 'trampolines' && !kernelOlderThan(since);
  });
  assert.deepEqual(
    expected.flatMap((feature) => (feature.probe().available ? [] : [{ name: feature.name, ...feature.probe() }])),
    [],
  );
});

test('trampolines are there or refused, never blamed on privileges that the process has', () => {
  const btf = readBtf(readFileSync('/sys/kernel/btf/vmlinux'), 'vmlinux');
  const attachBtfId = btf.find('typedef', 'btf_trace_xdp_exception');
  // The same privileges and the same way into the kernel, but no trampoline.
  const tracing = { type: 'tracing', attachType: 'trace_raw_tp', attachBtfId: attachBtfId ?? 0 } as const;
  assert.ok(thenClose(loadProbeProgram(tracing)) >= 0);
  const state = kernelFeatures.trampolines.probe();
  if (state.available) return;
  assert.equal(state.because, 'refused');
  assert.match(state.reason, /although the process has all privileges for it \(CAP_BPF and CAP_PERFMON\)/);
});

test('probing leaves no descriptor behind, and the thread in its namespace', () => {
  const look = "[fs.readdirSync('/proc/self/fd').length, fs.readlinkSync('/proc/thread-self/ns/net')]";
  const { before, after } = runWithCapabilities(
    ['all'],
    import.meta.url,
    `const fs = await import('node:fs');
     const { kernelFeatures } = await import('./features.js');
     const before = ${look};
     for (const feature of Object.values(kernelFeatures)) feature.probe();
     console.log(JSON.stringify({ before, after: ${look} }));`,
  ) as { before: unknown; after: unknown };
  assert.deepEqual(after, before);
});

const probe = (capabilities: readonly string[]): Record<string, { available: boolean; reason?: string }> =>
  runWithCapabilities(
    capabilities,
    import.meta.url,
    `const { kernelFeatures } = await import('./features.js');
     const states = Object.entries(kernelFeatures).map(([name, feature]) => [name, feature.probe()]);
     console.log(JSON.stringify(Object.fromEntries(states)));`,
  ) as Record<string, { available: boolean; reason?: string }>;

test('without privileges each probe names the capabilities that it lacks, and one that needs none finds as much', () => {
  const { xdp, batches, trampolines, netdevFamily } = probe([]);
  const because = 'privileges';
  assert.deepEqual(xdp, { available: false, because, reason: 'the process lacks CAP_BPF and CAP_NET_ADMIN' });
  assert.deepEqual(batches, { available: false, because, reason: 'the process lacks CAP_BPF' });
  assert.equal(trampolines?.reason, 'the process lacks CAP_BPF and CAP_PERFMON');
  assert.deepEqual(netdevFamily, kernelFeatures.netdevFamily.probe());
});

test('CAP_BPF and CAP_NET_ADMIN are enough for XDP, CAP_SYS_ADMIN stands for both', () => {
  assert.deepEqual(probe(['bpf', 'net_admin']).xdp, { available: true });
  assert.deepEqual(probe(['sys_admin']).xdp, { available: true });
  assert.equal(probe(['bpf']).xdp?.reason, 'the process lacks CAP_NET_ADMIN');
});
