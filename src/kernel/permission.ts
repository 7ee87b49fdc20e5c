import { readFileSync } from 'node:fs';
import { type Capability, effectiveCapabilities } from '../linux/capabilities.js';
import { kernelOlderThan } from '../linux/kernel-release.js';

export interface PermissionDiagnosis {
  /** What stands in the way, as the reason in a sentence. */
  readonly cause: string;
  readonly hint: string;
}

/** What loading XDP programs and their maps takes. */
export const xdpCapabilities = ['bpf', 'net_admin'] as const satisfies readonly Capability[];

/**
 * Why the kernel answers EPERM to bpf(2): looked up, not guessed. Undefined when nothing that is known to cause it was
 * found. `needs` are the capabilities that the call takes; bpf(2) takes CAP_SYS_ADMIN for any of them (netlink does not
 * take it for CAP_NET_ADMIN). Sources: `kernel/bpf/syscall.c` (bpf_capable, is_net_admin_prog_type,
 * sysctl_unprivileged_bpf_disabled). Lockdown is no cause: it takes helpers from programs, which the verifier tells.
 */
export function diagnosePermission(needs: readonly Capability[] = xdpCapabilities): PermissionDiagnosis | undefined {
  const missing = missingCapabilities(needs, effectiveCapabilities());
  if (missing.length > 0) {
    const names = missing.map(capabilityName).join(' and ');
    return {
      cause: `the process lacks ${names}`,
      hint: `Run it as root, or in a container or unit that grants ${names}.`,
    };
  }
  if (!isInitialUserNamespace()) {
    return {
      cause: 'the process runs in a user namespace, where the kernel refuses BPF even to its root',
      hint: 'Run it as root outside of the user namespace (a rootless container is one).',
    };
  }
  return undefined;
}

/** Which of `needs` a call of bpf(2) would be refused for. */
export function missingCapabilities(needs: readonly Capability[], held: ReadonlySet<Capability>): Capability[] {
  if (held.has('sys_admin')) return [];
  // CAP_BPF and CAP_PERFMON were split off in Linux 5.8.
  if (kernelOlderThan('5.8')) return ['sys_admin'];
  return needs.filter((name) => !held.has(name));
}

/** `CAP_NET_ADMIN` */
export function capabilityName(capability: Capability): string {
  return `CAP_${capability.toUpperCase()}`;
}

/** The initial user namespace maps all 2^32 − 1 ids onto themselves. */
function isInitialUserNamespace(): boolean {
  try {
    return /^\s*0\s+0\s+4294967295$/m.test(readFileSync('/proc/self/uid_map', 'utf8'));
  } catch {
    // Without /proc, or in a kernel that has no user namespaces: then it is not the cause.
    return true;
  }
}
