import { XdpkitError } from '../errors/error.js';
import { parseCpuList } from '../linux/cpu.js';
import { isOlderRelease } from '../linux/kernel-release.js';
import { type Files, textOf } from './files.js';
import type { Finding } from './finding.js';

const group = 'kernel settings';

export function examineKernelSettings(files: Files, release: string): Finding[] {
  return [
    examineJit(files),
    ...examineHardening(files),
    examineKernelBtf(files),
    ...examineMemoryLock(files, release),
    examineCpus(files),
  ];
}

const slower = 'speed: programs are interpreted, at a fraction of the speed of machine code';

function examineJit(files: Files): Finding {
  const item = 'JIT compiler';
  const setting = files.read('/proc/sys/net/core/bpf_jit_enable');
  if ('problem' in setting) return { group, item, state: 'unknown', found: unreadable(setting.problem) };
  switch (setting.text) {
    case '0':
      return { group, item, state: 'degraded', found: 'off', lost: slower, hint: 'sysctl net.core.bpf_jit_enable=1' };
    case '2': {
      const found = 'on, and writes every program to the kernel log';
      const hint = 'For anything but looking for errors of the JIT: sysctl net.core.bpf_jit_enable=1';
      return { group, item, state: 'degraded', found, lost: 'speed of loading', hint };
    }
    default:
      return { group, item, state: 'ok', found: 'on' };
  }
}

function examineHardening(files: Files): Finding[] {
  const setting = textOf(files, '/proc/sys/net/core/bpf_jit_harden');
  if (setting === undefined) return [];
  const item = 'JIT hardening';
  if (setting === '0') return [{ group, item, state: 'ok', found: 'off' }];
  if (setting === '1') return [{ group, item, state: 'ok', found: 'on for unprivileged users only' }];
  const lost = 'some speed, as constants are blinded, and dumps of the machine code';
  const hint = 'Where all who may load programs are trusted: sysctl net.core.bpf_jit_harden=1';
  return [{ group, item, state: 'degraded', found: 'on for all users', lost, hint }];
}

/** Both settings are only shown in the first network namespace, and there to root only. */
function unreadable(problem: string): string {
  return problem === 'EACCES' ? 'only root may read the setting' : 'the setting is not shown in this network namespace';
}

function examineKernelBtf(files: Files): Finding {
  const path = '/sys/kernel/btf/vmlinux';
  const item = 'kernel BTF';
  const size = files.size(path);
  if (size !== undefined) return { group, item, state: 'ok', found: `${path}, ${(size / 2 ** 20).toFixed(1)} MiB` };
  return {
    group,
    item,
    state: 'missing',
    found: `there is no ${path}`,
    lost: 'programs that follow the layout of the running kernel, and tracing by trampolines; XDP itself needs none',
    hint: 'Use a kernel built with CONFIG_DEBUG_INFO_BTF, as distributions have since about Linux 5.8.',
  };
}

/** Kernels before 5.11 count maps and programs as locked memory. */
function examineMemoryLock(files: Files, release: string): Finding[] {
  if (!isOlderRelease(release, '5.11')) return [];
  const item = 'locked memory';
  const limit = /^Max locked memory\s+(\S+)/m.exec(textOf(files, '/proc/self/limits') ?? '')?.[1];
  if (limit === undefined) return [{ group, item, state: 'unknown', found: '/proc/self/limits cannot be read' }];
  if (limit === 'unlimited') return [{ group, item, state: 'ok', found: limit }];
  const found = `limited to ${limit} bytes, which this kernel counts maps and programs by`;
  const hint = 'xdpkit lifts the limit where it may (CAP_SYS_RESOURCE); else: ulimit -l unlimited';
  return [{ group, item, state: 'ok', found, hint }];
}

function examineCpus(files: Files): Finding {
  const count = (name: string): number | undefined => {
    const text = textOf(files, `/sys/devices/system/cpu/${name}`);
    try {
      return text === undefined ? undefined : parseCpuList(text).length;
    } catch (error) {
      if (error instanceof XdpkitError) return undefined;
      throw error;
    }
  };
  const possible = count('possible');
  const online = count('online');
  if (possible !== undefined) {
    const found = `${possible} possible, ${online ?? 'an unknown number'} online`;
    return { group, item: 'CPUs', state: 'ok', found, essential: true };
  }
  return {
    group,
    item: 'CPUs',
    state: 'missing',
    found: '/sys/devices/system/cpu/possible cannot be read',
    lost: 'per-CPU maps, as the number of their values is not known',
    hint: 'Mount sysfs: mount -t sysfs sysfs /sys',
    essential: true,
  };
}
