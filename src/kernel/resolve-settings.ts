/** The values of an object's settings in the running kernel. Source: libbpf `src/libbpf.c` (`bpf_object__resolve_externs`). */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { readKernelSymbols } from '../linux/kernel-symbols.js';
import { ExternError, type UnresolvedExtern } from '../object/resolved-externs.js';
import { type Fitted, fitNumber, fitSetting, settingText } from '../object/setting-value.js';
import type { ExternSpec, ObjectSpec } from '../object/spec.js';
import { type KernelConfig, kernelVersionCode, readKernelConfig } from './kernel-config.js';
import { probeAttachCookie } from './probe-calls.js';

type Setting = Extract<ExternSpec, { kind: 'setting' }>;

/** What libbpf tells about the kernel under names of its own. */
const virtual: Readonly<Record<string, () => bigint>> = {
  LINUX_KERNEL_VERSION: () => BigInt(kernelVersionCode()),
  LINUX_HAS_BPF_COOKIE: () => BigInt(probeAttachCookie()),
  LINUX_HAS_SYSCALL_WRAPPER: () => BigInt(hasSyscallWrapper()),
};

/**
 * The contents of the maps of settings, by their names: none where the object asks for no settings. Settings that no program of
 * `users` refers to may be absent. `given` is asked before the kernel's own configuration. Errors: `EXTERN_UNRESOLVED`.
 */
export function resolveSettings(
  spec: ObjectSpec,
  users: ReadonlyMap<string, readonly string[]>,
  given: string | undefined,
): Map<string, Uint8Array> {
  const settings = spec.externs.filter((found): found is Setting => found.kind === 'setting');
  const contents = new Map<string, Uint8Array>();
  for (const { name, valueSize } of spec.maps) {
    if (settings.some(({ map }) => map === name)) contents.set(name, new Uint8Array(new ArrayBuffer(valueSize)));
  }
  const unresolved: UnresolvedExtern[] = [];
  let config: KernelConfig | undefined;
  for (const setting of settings) {
    const { name, kind, map, weak, offset } = setting;
    const programs = users.get(name);
    let value: Fitted | 'absent';
    if (name.startsWith('CONFIG_')) {
      config ??= readKernelConfig(given);
      value = configured(setting, config);
    } else {
      // Probing takes its time.
      if (programs === undefined) continue;
      value = virtualValue(setting);
    }
    if (value !== 'absent' && 'bytes' in value) {
      contents.get(map)?.set(value.bytes, offset);
      continue;
    }
    if (programs === undefined || (value === 'absent' && weak)) continue;
    const reason = value === 'absent' ? absence(name, config) : value.problem;
    unresolved.push({ name, kind, programs, reason });
  }
  if (unresolved.length === 0) return contents;
  throw new ExternError(
    spec.name,
    unresolved,
    'Declare it __weak where a kernel may lack it (it is zero then), or give kernelConfig to the load (--kernel-config).',
  );
}

function configured(setting: Setting, { sources }: KernelConfig): Fitted | 'absent' {
  for (const { where, text } of sources) {
    const found = settingText(text, setting.name);
    if (found === undefined) continue;
    const fitted = fitSetting(setting, found, hostIsLittleEndian);
    return 'bytes' in fitted ? fitted : { problem: `${fitted.problem} (in ${where})` };
  }
  return 'absent';
}

function absence(name: string, config: KernelConfig | undefined): string {
  if (!name.startsWith('CONFIG_'))
    return `libbpf knows ${Object.keys(virtual).join(', ')}, and no setting of that name`;
  const { sources = [], missing = [] } = config ?? {};
  if (sources.length === 0) return `no configuration of the kernel was found: ${missing.join(', ')}`;
  const looked = sources.map(({ where }) => where).join(' and ');
  const isOff = sources.some(({ text }) => `\n${text}`.includes(`\n# ${name} is not set`));
  return isOff ? `it is not set in ${looked}` : `${looked} ${sources.length > 1 ? 'have' : 'has'} no such line`;
}

function virtualValue(setting: Setting): Fitted | 'absent' {
  const known = Object.hasOwn(virtual, setting.name) ? virtual[setting.name] : undefined;
  if (known) return fitNumber(setting, known(), hostIsLittleEndian);
  // Later ones of libbpf may be asked for weakly; other names are a mistake.
  return setting.name.startsWith('LINUX_') ? 'absent' : { problem: 'settings begin with CONFIG_ or LINUX_' };
}

const wrapperPrefixes: Readonly<Record<string, string>> = {
  x64: '__x64',
  arm64: '__arm64',
  s390x: '__s390x',
  riscv64: '__riscv',
};

/** Names are there also where addresses are hidden. */
function hasSyscallWrapper(): boolean {
  const prefix = wrapperPrefixes[process.arch];
  return prefix !== undefined && readKernelSymbols().addresses(`${prefix}_sys_bpf`).length > 0;
}
