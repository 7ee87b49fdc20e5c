import { capabilityName } from '../kernel/permission.js';
import { type Capability, parseCapabilities } from '../linux/capabilities.js';
import { isOlderRelease } from '../linux/kernel-release.js';
import { type Files, textOf } from './files.js';
import type { Finding } from './finding.js';

const group = 'privileges';

interface Need {
  readonly capability: Capability;
  readonly lost: string;
  readonly essential?: true;
}

const needs: readonly Need[] = [
  { capability: 'bpf', lost: 'creating maps and loading programs', essential: true },
  { capability: 'net_admin', lost: 'loading and attaching XDP programs, and setting up devices', essential: true },
  { capability: 'perfmon', lost: 'programs that trace the kernel or other programs' },
  {
    capability: 'sys_admin',
    lost:
      "seeing programs, maps and links that others have made (whole answers of status), entering other processes' " +
      'network namespaces (--netns), labs, and mounting the BPF file system',
  },
];

export function examinePrivileges(files: Files, release: string): Finding[] {
  const status = textOf(files, '/proc/self/status');
  if (status === undefined) {
    const found = '/proc/self/status cannot be read';
    return [{ group, item: 'user', state: 'unknown', found, hint: 'Mount /proc: mount -t proc proc /proc' }];
  }
  const uid = /^Uid:\s*\d+\s+(\d+)/m.exec(status)?.[1] ?? 'unknown';
  const held = parseCapabilities(/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0');
  return [
    { group, item: 'user', state: 'ok', found: uid === '0' ? 'root' : `user ${uid}` },
    ...needs.map((need) => examineCapability(need, held, release)),
    examineUserNamespace(files),
    ...examineLockdown(files),
    examineUnprivileged(files),
  ];
}

function examineCapability(need: Need, held: ReadonlySet<Capability>, release: string): Finding {
  const { capability, lost, essential } = need;
  const item = capabilityName(capability);
  if (held.has(capability)) return { group, item, state: 'ok', found: 'held', essential };
  if (held.has('sys_admin')) {
    const found = 'not held, but CAP_SYS_ADMIN, which bpf(2) takes for it';
    if (capability !== 'net_admin') return { group, item, state: 'ok', found, essential };
    const partly = 'attaching by netlink (where the kernel has no XDP links), setting up devices and labs';
    return { group, item, state: 'degraded', found, lost: partly, hint: grant(item), essential };
  }
  // Split off from CAP_SYS_ADMIN.
  const isUnknownToKernel = isOlderRelease(release, '5.8') && (capability === 'bpf' || capability === 'perfmon');
  const found = isUnknownToKernel ? 'Linux 5.8 brought it; before, CAP_SYS_ADMIN is needed, and not held' : 'not held';
  const wanted = isUnknownToKernel ? 'CAP_SYS_ADMIN' : item;
  return { group, item, state: 'missing', found, lost, hint: grant(wanted), essential };
}

function grant(name: string): string {
  return `Run as root, or in a container or unit that grants ${name}.`;
}

function examineUserNamespace(files: Files): Finding {
  const item = 'user namespace';
  const map = textOf(files, '/proc/self/uid_map');
  if (map === undefined) return { group, item, state: 'unknown', found: '/proc/self/uid_map cannot be read' };
  // The first one maps all ids onto themselves.
  if (/^0\s+0\s+4294967295$/.test(map)) return { group, item, state: 'ok', found: 'the first one', essential: true };
  return {
    group,
    item,
    state: 'missing',
    found: 'not the first one, as in a rootless container',
    lost: 'BPF as a whole: capabilities of such a namespace do not count for it',
    hint: 'Run as root outside of the user namespace.',
    essential: true,
  };
}

/** Without the file there is no lockdown, or securityfs is not mounted, which says nothing. */
function examineLockdown(files: Files): Finding[] {
  const text = textOf(files, '/sys/kernel/security/lockdown');
  if (text === undefined) return [];
  const mode = /\[(\w+)\]/.exec(text)?.[1] ?? text;
  if (mode !== 'confidentiality') return [{ group, item: 'lockdown', state: 'ok', found: mode }];
  const lost = 'tracing programs that read the memory of the kernel';
  const hint = 'Boot with lockdown=integrity or without it; Secure Boot set-ups may turn it on.';
  return [{ group, item: 'lockdown', state: 'degraded', found: mode, lost, hint }];
}

function examineUnprivileged(files: Files): Finding {
  const item = 'unprivileged BPF';
  const setting = textOf(files, '/proc/sys/kernel/unprivileged_bpf_disabled');
  const words: Record<string, string> = {
    0: 'allowed to every user (kernel.unprivileged_bpf_disabled is 0)',
    1: 'forbidden until the next boot (kernel.unprivileged_bpf_disabled is 1)',
    2: 'forbidden (kernel.unprivileged_bpf_disabled is 2)',
  };
  if (setting === undefined) return { group, item, state: 'unknown', found: 'the setting cannot be read' };
  const hint = setting === '0' ? 'xdpkit does not need that: sysctl kernel.unprivileged_bpf_disabled=2' : undefined;
  return { group, item, state: 'ok', found: words[setting] ?? setting, hint };
}
