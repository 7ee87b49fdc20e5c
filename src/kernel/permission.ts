import type { Capability } from '../linux/capabilities.js';
import { kernelOlderThan } from '../linux/kernel-release.js';
import { errnos } from '../linux/syscall-error.js';
import { lockdownMode, type PermissionSigns, readPermissionSigns } from './permission-signs.js';

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
 * sysctl_unprivileged_bpf_disabled, security_bpf). Trampolines and lockdown are causes that only a refused program tells
 * (see `program-load.ts` and `lockdownCause`).
 */
export function diagnosePermission(
  needs: readonly Capability[] = xdpCapabilities,
  signs: PermissionSigns = readPermissionSigns(),
): PermissionDiagnosis | undefined {
  const { capabilities, unprivilegedBpfDisabled: disabled } = signs;
  const missing = missingCapabilities(needs, capabilities);
  if (missing.length > 0) {
    const names = missing.map(capabilityName).join(' and ');
    const grant = `Run it as root, or in a container or unit that grants ${names}.`;
    const forAll = needs.length === 1 && needs[0] === 'bpf' && disabled !== undefined && disabled !== '0';
    const setting = `kernel.unprivileged_bpf_disabled is ${disabled}: without it no process may use BPF.`;
    return { cause: `the process lacks ${names}`, hint: forAll ? `${grant} ${setting}` : grant };
  }
  if (!signs.initialUserNamespace) {
    const outside = 'Run it as root outside of the user namespace (a rootless container is one).';
    const token = `The BPF file system at ${signs.tokensAt} hands out BPF tokens for it, which xdpkit does not use yet.`;
    return {
      cause: 'the process runs in a user namespace, where the kernel refuses BPF even to its root',
      hint: signs.tokensAt === undefined ? outside : `${outside} ${token}`,
    };
  }
  const usesBpf = needs.some((capability) => capability !== 'net_admin');
  return usesBpf ? diagnoseFilter(signs) : undefined;
}

/** The kernel itself knows no command of that number, and says EINVAL: whoever says EPERM stands before it. */
function diagnoseFilter(signs: PermissionSigns): PermissionDiagnosis | undefined {
  const answer = signs.unknownCommand();
  if (answer !== errnos.EPERM && answer !== errnos.EACCES && answer !== errnos.ENOSYS) return undefined;
  if (signs.seccompFilter) {
    return {
      cause: 'a seccomp filter refuses bpf(2) to the process before the kernel sees it',
      hint: 'Containers come with one: give it a profile that allows bpf (docker run --security-opt seccomp=FILE).',
    };
  }
  const modules = signs.securityModules === undefined ? '' : ` (${signs.securityModules})`;
  return {
    cause: `a security module of the kernel refuses bpf(2) to the process${modules}`,
    hint: 'Its log, or that of the kernel (dmesg), names the rule.',
  };
}

const readsKernel =
  /(unknown func|cannot use helper) bpf_(probe_read(_kernel)?(_str)?|probe_read_user(_str)?|snprintf_btf|seq_printf_btf)#/;
const writesUser = /(unknown func|cannot use helper) bpf_probe_write_user#/;

/**
 * Why the verifier knows no helper that it does know: a kernel in lockdown takes those that read its memory from all
 * programs (`confidentiality`), and those that write into processes (`integrity` too). Source: `kernel/trace/bpf_trace.c`.
 */
export function lockdownCause(log: string, mode: string | undefined = lockdownMode()): string | undefined {
  const isCause =
    (mode === 'confidentiality' && (readsKernel.test(log) || writesUser.test(log))) ||
    (mode === 'integrity' && writesUser.test(log));
  if (!isCause) return undefined;
  return `The kernel is in lockdown (${mode}), which takes that helper from all programs: boot it with lockdown=none, or without Secure Boot.`;
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
