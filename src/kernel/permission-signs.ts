/** What tells why the kernel answers EPERM, read and probed in the running system. */
import { readFileSync } from 'node:fs';
import { type Capability, effectiveCapabilities } from '../linux/capabilities.js';
import { errno, syscall } from '../linux/ffi.js';
import { syscallNumber } from '../linux/syscalls.js';

export interface PermissionSigns {
  readonly capabilities: ReadonlySet<Capability>;
  readonly initialUserNamespace: boolean;
  /** kernel.unprivileged_bpf_disabled; undefined where it cannot be read. */
  readonly unprivilegedBpfDisabled: string | undefined;
  /** Where a BPF file system is mounted that hands out BPF tokens (Linux 6.9). */
  readonly tokensAt: string | undefined;
  /** Whether system calls of the process pass a seccomp filter. */
  readonly seccompFilter: boolean;
  /** Names of the security modules, `lockdown,capability,yama,apparmor`; undefined where they are not shown. */
  readonly securityModules: string | undefined;
  /** What bpf(2) answers to a command that does not exist: EINVAL comes from the kernel itself, after all checks. */
  unknownCommand(): number;
}

export function readPermissionSigns(): PermissionSigns {
  return {
    capabilities: effectiveCapabilities(),
    // The initial user namespace maps all 2^32 − 1 ids onto themselves. Without /proc it is not taken for the cause.
    initialUserNamespace: /^\s*0\s+0\s+4294967295$/m.test(textOf('/proc/self/uid_map') ?? '0 0 4294967295'),
    unprivilegedBpfDisabled: textOf('/proc/sys/kernel/unprivileged_bpf_disabled')?.trim(),
    tokensAt: tokenMount(textOf('/proc/self/mountinfo') ?? ''),
    seccompFilter: /^Seccomp:\s*2$/m.test(textOf('/proc/self/status') ?? ''),
    securityModules: textOf('/sys/kernel/security/lsm')?.trim(),
    unknownCommand: () => (syscall(syscallNumber('bpf'), 0x7fff_0000) < 0 ? errno() : 0),
  };
}

/** `none`, `integrity` or `confidentiality`; undefined where the kernel has no lockdown or does not show it. */
export function lockdownMode(): string | undefined {
  return /\[(\w+)\]/.exec(textOf('/sys/kernel/security/lockdown') ?? '')?.[1];
}

/** The first BPF file system with options `delegate_…`. */
export function tokenMount(mountInfo: string): string | undefined {
  const line = mountInfo.split('\n').find((each) => / - bpf .*\bdelegate_\w+=/.test(each));
  return line?.split(' ')[4];
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
