import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { runWithCapabilities } from '../kernel/capabilities.test.support.js';
import { type BpfLink, createXdpLink } from '../kernel/link.js';
import { loadProbeProgram, thenClose } from '../kernel/probe-calls.js';
import { runInFreshNetns } from '../linux/fresh-netns.js';
import { createVethPair, getDevice } from '../linux/netlink/route/link.js';
import { NetlinkSocket } from '../linux/netlink/socket.js';
import { currentNetns } from '../linux/network-namespace.js';
import { ownLinkPin } from '../xdp/own-pins.js';
import { examine } from './examine.js';
import type { Finding } from './finding.js';
import { examineLeftovers } from './leftovers.js';
import { judge, type Verdict } from './verdict.js';

test('root on this machine can build, load and attach', async () => {
  const findings = await examine();
  assert.equal(judge(findings).exitCode, 0, JSON.stringify(findings.filter(({ state }) => state !== 'ok')));
  const clang = findings.find(({ item }) => item === 'clang');
  assert.ok(
    clang?.found.includes(/version (\S+)/.exec(execFileSync('clang', ['--version'], { encoding: 'utf8' }))?.[1] ?? '?'),
  );
});

test('without capabilities all is examined, and the verdict names what the process lacks', () => {
  const { findings, verdict } = runWithCapabilities(
    [],
    import.meta.url,
    `const { examine } = await import('./examine.js');
     const { judge } = await import('./verdict.js');
     const findings = await examine();
     console.log(JSON.stringify({ findings, verdict: judge(findings) }));`,
  ) as { findings: Finding[]; verdict: Verdict };
  assert.equal(verdict.exitCode, 4);
  assert.match(verdict.sentence, /CAP_BPF.*CAP_NET_ADMIN/);
  const xdp = findings.find(({ item }) => item === 'XDP programs');
  assert.equal(xdp?.state, 'unknown');
  assert.match(xdp?.found ?? '', /the process lacks CAP_BPF and CAP_NET_ADMIN/);
});

/** Pins a link to a device of a namespace that then goes away; gives the path of the pin. */
function leaveDeadPin(): string {
  return runInFreshNetns(() => {
    using netns = currentNetns();
    using route = NetlinkSocket.open('route');
    createVethPair(route, { name: 'dead0' }, { name: 'dead1' });
    const { index } = getDevice(route, 'dead0');
    const pin = ownLinkPin(netns.cookie, index);
    thenClose(loadProbeProgram({ type: 'xdp', attachType: 'xdp', returns: 2 }), (fd) => {
      using link = createXdpLink(fd, index, 'generic') as BpfLink;
      link.pin(pin, 'the link of this test');
      return 0;
    });
    return pin;
  });
}

/** Whether doctor told that it removed the pin; it goes without a word where another process was first to remove it. */
async function isRemovedAndTold(path: string): Promise<boolean> {
  const told: string[] = [];
  // The kernel takes a namespace down after its last user has left, in its own time.
  for (let waited = 0; existsSync(path) && waited < 5000; waited += 50) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    told.push(...examineLeftovers().flatMap(({ fixed, found }) => (fixed ? [found] : [])));
  }
  assert.ok(!existsSync(path));
  return told.some((found) => found.includes(path));
}

test('the pin of a link whose namespace is gone is removed and told', async () => {
  // Attaching sweeps such pins too, and other tests attach at the same time: one try in ten must be doctor's.
  for (let attempt = 0; attempt < 10; attempt += 1) if (await isRemovedAndTold(leaveDeadPin())) return;
  assert.fail('doctor told of none of ten pins');
});
