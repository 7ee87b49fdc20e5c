/**
 * What the name of an ELF section says about the programs in it. Source: libbpf `src/libbpf.c` (`section_defs`), 1.x:
 * names are matched whole or, where a target may follow, up to a slash; a leading `?` only asks not to load by default.
 */
import type { attachTypes, programTypes } from '../uapi/bpf.generated.js';

export interface ProgramKind {
  readonly type: keyof typeof programTypes;
  readonly attachType?: keyof typeof attachTypes;
  readonly frags?: true;
  readonly sleepable?: true;
  /** `/TARGET` may follow the name, as in `kprobe/do_exit`. */
  readonly target?: true;
}

const xdp = { type: 'xdp', attachType: 'xdp' } as const;
const devmap = { type: 'xdp', attachType: 'xdp_devmap' } as const;
const cpumap = { type: 'xdp', attachType: 'xdp_cpumap' } as const;
const fentry = { type: 'tracing', attachType: 'trace_fentry', target: true } as const;
const fexit = { type: 'tracing', attachType: 'trace_fexit', target: true } as const;

export const programSections: Readonly<Record<string, ProgramKind>> = {
  xdp,
  'xdp.frags': { ...xdp, frags: true },
  'xdp/devmap': devmap,
  'xdp.frags/devmap': { ...devmap, frags: true },
  'xdp/cpumap': cpumap,
  'xdp.frags/cpumap': { ...cpumap, frags: true },
  tc: { type: 'sched_cls' },
  classifier: { type: 'sched_cls' },
  action: { type: 'sched_act' },
  'tcx/ingress': { type: 'sched_cls', attachType: 'tcx_ingress' },
  'tcx/egress': { type: 'sched_cls', attachType: 'tcx_egress' },
  socket: { type: 'socket_filter' },
  sk_msg: { type: 'sk_msg', attachType: 'sk_msg_verdict' },
  sockops: { type: 'sock_ops', attachType: 'cgroup_sock_ops' },
  'cgroup_skb/ingress': { type: 'cgroup_skb', attachType: 'cgroup_inet_ingress' },
  'cgroup_skb/egress': { type: 'cgroup_skb', attachType: 'cgroup_inet_egress' },
  'cgroup/skb': { type: 'cgroup_skb' },
  tracepoint: { type: 'tracepoint', target: true },
  tp: { type: 'tracepoint', target: true },
  raw_tracepoint: { type: 'raw_tracepoint', target: true },
  raw_tp: { type: 'raw_tracepoint', target: true },
  tp_btf: { type: 'tracing', attachType: 'trace_raw_tp', target: true },
  fentry,
  'fentry.s': { ...fentry, sleepable: true },
  fexit,
  'fexit.s': { ...fexit, sleepable: true },
  freplace: { type: 'ext', target: true },
  kprobe: { type: 'kprobe', target: true },
  kretprobe: { type: 'kprobe', target: true },
  perf_event: { type: 'perf_event' },
  syscall: { type: 'syscall', sleepable: true },
};

export function programKind(section: string): ProgramKind | undefined {
  const name = section.startsWith('?') ? section.slice(1) : section;
  if (Object.hasOwn(programSections, name)) return programSections[name];
  const slash = name.indexOf('/');
  if (slash === -1) return undefined;
  const stem = name.slice(0, slash);
  const kind = Object.hasOwn(programSections, stem) ? programSections[stem] : undefined;
  return kind?.target ? kind : undefined;
}

export const textSection = '.text';
export const btfMapsSection = '.maps';

/** A section whose contents become the single value of an array map. */
export function isDataSection(name: string): boolean {
  return /^\.(rodata|data|bss)(\..*)?$/.test(name);
}

export function isReadOnlyData(name: string): boolean {
  return name === '.rodata' || name.startsWith('.rodata.');
}

/** `maps` or `maps/NAME`: definitions as a C struct of numbers. */
export function isLegacyMapsSection(name: string): boolean {
  return name === 'maps' || name.startsWith('maps/');
}
