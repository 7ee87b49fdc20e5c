import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import type { FeatureState, KernelFeature } from '../kernel/feature.js';
import { examineCompiler } from './compiler.js';
import { examineFeatures } from './features.js';
import { examineFileSystems } from './file-systems.js';
import { type Files, filesUnder } from './files.js';
import type { Finding } from './finding.js';
import { examineKernelSettings } from './kernel-settings.js';
import { examinePrivileges } from './privileges.js';
import { examineRelease } from './release.js';
import { examineSystem } from './system.js';
import { judge } from './verdict.js';

const all = '000001ffffffffff';
const bit = (...bits: number[]): string => bits.reduce((mask, each) => mask | (1n << BigInt(each)), 0n).toString(16);
const [netAdmin, sysAdmin, bpf] = [12, 21, 39];

/** A healthy machine's files, with some of them changed, or gone where undefined. */
function machine(changes: Record<string, string | undefined> = {}): Files & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'xdpkit-doctor-test-'));
  const files: Record<string, string | undefined> = {
    '/proc/self/status': `Name:\tnode\nUid:\t0\t0\t0\t0\nCapEff:\t${all}\n`,
    '/proc/self/uid_map': '         0          0 4294967295\n',
    '/proc/self/limits': 'Limit  Soft Limit  Hard Limit  Units\nMax locked memory         65536     65536     bytes\n',
    '/proc/self/mountinfo': [
      '30 23 0:26 / /sys/fs/bpf rw shared:9 - bpf bpf rw,mode=700',
      '31 23 0:12 / /sys/kernel/tracing rw shared:10 - tracefs tracefs rw',
      '32 23 0:27 / /sys/fs/cgroup rw shared:11 - cgroup2 cgroup2 rw',
    ].join('\n'),
    '/proc/sys/kernel/unprivileged_bpf_disabled': '2\n',
    '/proc/sys/net/core/bpf_jit_enable': '1\n',
    '/proc/sys/net/core/bpf_jit_harden': '0\n',
    '/sys/kernel/btf/vmlinux': 'x'.repeat(1024),
    '/sys/kernel/security/lockdown': '[none] integrity confidentiality\n',
    '/sys/devices/system/cpu/possible': '0-7\n',
    '/sys/devices/system/cpu/online': '0-3\n',
    ...changes,
  };
  for (const [path, text] of Object.entries(files)) {
    if (text === undefined) continue;
    mkdirSync(dirname(folder + path), { recursive: true });
    writeFileSync(folder + path, text);
  }
  return { ...filesUnder(folder), [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

const noMount = (): never => assert.fail('nothing is to be mounted');

function examineFiles(
  changes: Record<string, string | undefined> = {},
  release = '6.1.0',
  mountBpf: () => void = noMount,
) {
  using files = machine(changes);
  return [
    ...examinePrivileges(files, release),
    ...examineKernelSettings(files, release),
    ...examineFileSystems(files, mountBpf),
  ];
}

function named(findings: readonly Finding[], item: string): Finding {
  const found = findings.find((finding) => finding.item === item);
  return found ?? assert.fail(`nothing was found about ${item}`);
}

test('a healthy machine is well in every item', () => {
  const findings = examineFiles();
  assert.deepEqual(
    findings.filter(({ state }) => state !== 'ok'),
    [],
  );
  assert.equal(named(findings, 'CPUs').found, '8 possible, 4 online');
});

test('what is missing says what is lost, and what to do or why nothing can be done', () => {
  const refuse = (): never => {
    throw new XdpkitError('NO_BPF_FILE_SYSTEM', 'no BPF file system is mounted', { hint: 'Mount it as root' });
  };
  const nothing = { '/proc/self/mountinfo': '', '/sys/kernel/btf/vmlinux': undefined };
  const findings = examineFiles({ ...nothing, '/proc/sys/net/core/bpf_jit_enable': '0' }, '6.1.0', refuse);
  const bad = findings.filter(({ state }) => state !== 'ok');
  assert.deepEqual(
    bad.map(({ item, state }) => [item, state]),
    [
      ['JIT compiler', 'degraded'],
      ['kernel BTF', 'missing'],
      ['BPF', 'missing'],
      ['tracefs', 'missing'],
      ['cgroup v2', 'missing'],
    ],
  );
  for (const { item, lost, hint } of bad) assert.ok(lost && hint, item);
  assert.equal(judge(findings).exitCode, 0, 'XDP needs none of these');
});

test('a missing BPF file system is mounted, and told', () => {
  let mounted = 0;
  const findings = examineFiles({ '/proc/self/mountinfo': '' }, '6.1.0', () => {
    mounted += 1;
  });
  const { state, fixed } = named(findings, 'BPF');
  assert.deepEqual({ mounted, state, fixed }, { mounted: 1, state: 'ok', fixed: true });
});

test('a process of few capabilities: each that is missing is named, CAP_SYS_ADMIN stands for others', () => {
  const states = (mask: string, release?: string) => {
    const status = `Uid:\t1000\t1000\t1000\t1000\nCapEff:\t${mask}\n`;
    const findings = examineFiles({ '/proc/self/status': status }, release);
    const of = (item: string) => named(findings, item).state;
    return [of('CAP_BPF'), of('CAP_NET_ADMIN'), of('CAP_PERFMON'), of('CAP_SYS_ADMIN'), judge(findings).exitCode];
  };
  assert.deepEqual(states('0'), ['missing', 'missing', 'missing', 'missing', 4]);
  assert.deepEqual(states(bit(bpf, netAdmin)), ['ok', 'ok', 'missing', 'missing', 0]);
  assert.deepEqual(states(bit(sysAdmin)), ['ok', 'degraded', 'ok', 'ok', 0]);
  assert.deepEqual(states(bit(sysAdmin, netAdmin), '5.4.0'), ['ok', 'ok', 'ok', 'ok', 0]);
  const old = examineFiles({ '/proc/self/status': 'Uid:\t1\t1\t1\t1\nCapEff:\t0\n' }, '5.4.0');
  assert.match(named(old, 'CAP_BPF').hint ?? '', /grants CAP_SYS_ADMIN/);
});

test('root of a user namespace is told that it is no root for BPF', () => {
  const findings = examineFiles({ '/proc/self/uid_map': '0 1000 1\n' });
  assert.equal(named(findings, 'user namespace').state, 'missing');
  const { exitCode, sentence } = judge(findings);
  assert.equal(exitCode, 4);
  assert.match(sentence, /user namespace/);
});

test('lockdown, hardening and settings that cannot be read', () => {
  const findings = examineFiles({
    '/sys/kernel/security/lockdown': 'none integrity [confidentiality]',
    '/proc/sys/net/core/bpf_jit_enable': undefined,
    '/proc/sys/net/core/bpf_jit_harden': '2',
    '/proc/sys/kernel/unprivileged_bpf_disabled': undefined,
    '/sys/devices/system/cpu/possible': 'nonsense',
  });
  assert.equal(named(findings, 'lockdown').state, 'degraded');
  assert.equal(named(findings, 'JIT compiler').state, 'unknown');
  assert.equal(named(findings, 'JIT hardening').state, 'degraded');
  assert.equal(named(findings, 'unprivileged BPF').state, 'unknown');
  assert.equal(named(findings, 'CPUs').state, 'missing');
});

test('the limit of locked memory is told for kernels that count by it only', () => {
  assert.match(named(examineFiles({}, '5.10.0'), 'locked memory').found, /65536 bytes/);
  assert.equal(
    examineFiles({}, '5.11.0').find(({ item }) => item === 'locked memory'),
    undefined,
  );
});

test('an older kernel says what later ones brought', () => {
  assert.equal(examineRelease('6.18.1').lost, undefined);
  const old = examineRelease('5.4.0-216-generic');
  assert.equal(old.state, 'ok');
  assert.match(old.lost ?? '', /XDP links \(5\.9\), XDP frags \(5\.18\), netdev family \(6\.3\)/);
  assert.doesNotMatch(old.lost ?? '', /frozen maps/);
  assert.equal(examineRelease('4.19.0').state, 'degraded');
});

test('other systems, processors and old Node.js cannot do the work', () => {
  const well = { platform: 'linux', architecture: 'arm64', node: '24.1.0' };
  const exitOf = (change: Partial<typeof well>) => judge(examineSystem({ ...well, ...change })).exitCode;
  assert.equal(exitOf({}), 0);
  assert.equal(exitOf({ platform: 'darwin' }), 5);
  assert.equal(exitOf({ architecture: 'riscv64' }), 5);
  assert.equal(exitOf({ node: '18.20.0' }), 5);
});

test('features: refused and absent are missing, what could not be tried is unknown', () => {
  const feature = (state: FeatureState): KernelFeature => ({ name: 'x', since: '5.5', what: 'y', probe: () => state });
  const because = (why: 'absent' | 'privileges' | 'refused') =>
    examineFeatures([feature({ available: false, because: why, reason: 'some reason' })])[0];
  assert.equal(examineFeatures([feature({ available: true })])[0]?.state, 'ok');
  assert.equal(because('absent')?.state, 'missing');
  assert.equal(because('privileges')?.state, 'unknown');
  assert.match(because('refused')?.found ?? '', /^refused: some reason$/);
});

test('a machine without clang builds nothing, and learns which package to install', async () => {
  const findings = await examineCompiler({ PATH: '/nonexistent' });
  assert.match(named(findings, 'clang').hint ?? '', /apt install clang/);
  assert.equal(judge(findings).exitCode, 5);
});

test('the verdict: what is broken outweighs what is not permitted', () => {
  const finding = (change: Partial<Finding>): Finding => {
    return { group: 'kernel features', item: 'thing', state: 'ok', found: 'found', ...change };
  };
  const unknown = finding({ state: 'unknown', essential: true });
  const broken = finding({ group: 'compiler', item: 'clang', state: 'missing', essential: true });
  assert.equal(judge([unknown]).exitCode, 4);
  assert.equal(judge([unknown, broken]).exitCode, 5);
  assert.deepEqual(judge([finding({ state: 'missing' }), finding({ item: 'other', state: 'degraded' })]), {
    exitCode: 0,
    sentence: 'everything that building, loading and attaching take is here; not here: thing; in part: other',
  });
});
