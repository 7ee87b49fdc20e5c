import { readFileSync } from 'node:fs';

/** Names by bit, as in `include/uapi/linux/capability.h` without `CAP_`, in lower case. */
const names = [
  'chown',
  'dac_override',
  'dac_read_search',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setpcap',
  'linux_immutable',
  'net_bind_service',
  'net_broadcast',
  'net_admin',
  'net_raw',
  'ipc_lock',
  'ipc_owner',
  'sys_module',
  'sys_rawio',
  'sys_chroot',
  'sys_ptrace',
  'sys_pacct',
  'sys_admin',
  'sys_boot',
  'sys_nice',
  'sys_resource',
  'sys_time',
  'sys_tty_config',
  'mknod',
  'lease',
  'audit_write',
  'audit_control',
  'setfcap',
  'mac_override',
  'mac_admin',
  'syslog',
  'wake_alarm',
  'block_suspend',
  'audit_read',
  'perfmon',
  'bpf',
  'checkpoint_restore',
] as const;

export type Capability = (typeof names)[number];

/** The capabilities that this process may use now. Empty where `/proc` is not mounted. */
export function effectiveCapabilities(): ReadonlySet<Capability> {
  let status: string;
  try {
    status = readFileSync('/proc/self/status', 'utf8');
  } catch {
    return new Set();
  }
  return parseCapabilities(/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0');
}

/** The names of a mask in hexadecimal, as `/proc/PID/status` writes it; bits without a name are left out. */
export function parseCapabilities(mask: string): ReadonlySet<Capability> {
  const bits = BigInt(`0x${mask}`);
  return new Set(names.filter((_, bit) => (bits >> BigInt(bit)) & 1n));
}
