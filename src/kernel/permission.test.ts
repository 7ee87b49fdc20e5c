/** Each cause of EPERM by the signs of it, as systems that are not at hand show them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errnos } from '../linux/syscall-error.js';
import { diagnosePermission, lockdownCause } from './permission.js';
import { type PermissionSigns, readPermissionSigns, tokenMount } from './permission-signs.js';

const allowed: PermissionSigns = {
  capabilities: new Set(['sys_admin', 'bpf', 'net_admin', 'perfmon']),
  initialUserNamespace: true,
  unprivilegedBpfDisabled: '2',
  tokensAt: undefined,
  seccompFilter: false,
  securityModules: undefined,
  unknownCommand: () => errnos.EINVAL,
};

test('where nothing stands in the way nothing is blamed', () => {
  assert.equal(diagnosePermission(['bpf', 'net_admin'], allowed), undefined);
  assert.equal(diagnosePermission(['bpf'], { ...allowed, seccompFilter: true }), undefined);
});

test('the setting is told where the capability is only asked for because of it', () => {
  const none = { ...allowed, capabilities: new Set<never>() };
  assert.match(diagnosePermission(['bpf'], none)?.hint ?? '', /unprivileged_bpf_disabled is 2: without it no process/);
  assert.doesNotMatch(
    diagnosePermission(['bpf'], { ...none, unprivilegedBpfDisabled: '0' })?.hint ?? '',
    /unprivileged/,
  );
  assert.doesNotMatch(diagnosePermission(['bpf', 'net_admin'], none)?.hint ?? '', /unprivileged/);
});

test('a user namespace, and the tokens that are handed to it', () => {
  const inside = { ...allowed, initialUserNamespace: false };
  assert.match(diagnosePermission(['bpf'], inside)?.cause ?? '', /in a user namespace/);
  assert.match(
    diagnosePermission(['bpf'], { ...inside, tokensAt: '/run/bpf' })?.hint ?? '',
    /at \/run\/bpf hands out BPF tokens/,
  );
  const mounts = `42 23 0:39 / /sys/fs/bpf rw,relatime - bpf bpf rw
43 23 0:40 / /run/bpf rw,relatime shared:4 - bpf bpffs rw,delegate_cmds=prog_load:map_create`;
  assert.equal(tokenMount(mounts), '/run/bpf');
  assert.equal(tokenMount(mounts.split('\n')[0] ?? ''), undefined);
});

test('filters before the kernel are told by what it would answer itself', () => {
  const refused = { ...allowed, unknownCommand: () => errnos.EPERM };
  assert.match(
    diagnosePermission(['bpf'], { ...refused, seccompFilter: true })?.cause ?? '',
    /^a seccomp filter refuses/,
  );
  assert.equal(
    diagnosePermission(['bpf'], { ...refused, securityModules: 'capability,apparmor' })?.cause,
    'a security module of the kernel refuses bpf(2) to the process (capability,apparmor)',
  );
  // A call of netlink alone does not pass bpf(2).
  assert.equal(diagnosePermission(['net_admin'], refused), undefined);
});

test('lockdown is the cause for the helpers that it takes, and no other', () => {
  const reads = 'program of this type cannot use helper bpf_probe_read_kernel#113';
  const writes = 'unknown func bpf_probe_write_user#36';
  assert.match(lockdownCause(reads, 'confidentiality') ?? '', /in lockdown \(confidentiality\)/);
  assert.equal(lockdownCause(reads, 'integrity'), undefined);
  assert.match(lockdownCause(writes, 'integrity') ?? '', /in lockdown \(integrity\)/);
  assert.equal(lockdownCause(reads, 'none'), undefined);
  assert.equal(lockdownCause(reads, undefined), undefined);
  assert.equal(lockdownCause('unknown func bpf_skb_change_type#32', 'confidentiality'), undefined);
});

test('reading the signs of this system', () => {
  const { capabilities, initialUserNamespace } = readPermissionSigns();
  assert.equal(typeof initialUserNamespace, 'boolean');
  assert.ok(capabilities instanceof Set);
});
