import { readFileSync } from 'node:fs';
import { effectiveCapabilities } from '../linux/capabilities.js';

export interface PermissionDiagnosis {
  /** What stands in the way, as the reason in a sentence. */
  readonly cause: string;
  readonly hint: string;
}

/**
 * Why the kernel answers EPERM to bpf(2): looked up, not guessed. Undefined when nothing that is known to cause it was
 * found. Sources: `kernel/bpf/syscall.c` (bpf_capable, sysctl_unprivileged_bpf_disabled), `security/lockdown`.
 */
export function diagnosePermission(): PermissionDiagnosis | undefined {
  const capabilities = effectiveCapabilities();
  const isAdministrator = capabilities.has('sys_admin');
  const missing = (['bpf', 'net_admin'] as const).filter((name) => !isAdministrator && !capabilities.has(name));
  if (isAdministrator && !capabilities.has('net_admin')) missing.push('net_admin');
  if (missing.length > 0) {
    const names = missing.map((name) => `CAP_${name.toUpperCase()}`).join(' and ');
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
  const lockdown = readWord('/sys/kernel/security/lockdown', /\[(\w+)\]/);
  if (lockdown === 'confidentiality') {
    return {
      cause: 'the kernel is locked down (confidentiality mode)',
      hint: 'Boot without lockdown=confidentiality; Secure Boot set-ups may turn it on.',
    };
  }
  return undefined;
}

/** The initial user namespace maps all 2^32 − 1 ids onto themselves. */
function isInitialUserNamespace(): boolean {
  return readWord('/proc/self/uid_map', /^\s*0\s+0\s+(\d+)/) === '4294967295';
}

function readWord(path: string, pattern: RegExp): string | undefined {
  try {
    return pattern.exec(readFileSync(path, 'utf8'))?.[1];
  } catch {
    // The file is absent where the kernel lacks the feature: then it is not the cause.
    return undefined;
  }
}
