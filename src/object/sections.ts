/**
 * What the name of an ELF section says about the programs in it. Names are matched as libbpf 1.x does: whole or, where a
 * target may follow, up to a slash; a leading `?` only asks not to load by default. Then come the names that older
 * loaders understood.
 */
import { type SectionDefinition, sectionDefinitions } from './sections.generated.js';

export interface ProgramKind extends SectionDefinition {
  /** What follows the slash: a function, `category/tracepoint`, a hook; undefined where nothing does. */
  readonly attachTo: string | undefined;
}

/** Before libbpf 1.0 the hook came first, and any name after it; examples of that time are still copied. */
const namesOfOld: Readonly<Record<string, SectionDefinition>> = {
  'xdp_devmap/': { type: 'xdp', attachType: 'xdp_devmap' },
  'xdp_cpumap/': { type: 'xdp', attachType: 'xdp_cpumap' },
};

export function programKind(section: string): ProgramKind | undefined {
  const name = section.startsWith('?') ? section.slice(1) : section;
  if (Object.hasOwn(sectionDefinitions, name)) return kindOf(sectionDefinitions[name]);
  const slash = name.indexOf('/');
  const stem = slash === -1 ? name : name.slice(0, slash);
  const withTarget = Object.hasOwn(sectionDefinitions, stem) ? sectionDefinitions[stem] : undefined;
  if (withTarget?.target) return kindOf(withTarget, name.slice(slash + 1) || undefined);
  const older = Object.keys(namesOfOld).find((each) => name.startsWith(each));
  return kindOf(older === undefined ? looselyNamed(name) : namesOfOld[older]);
}

function kindOf(definition: SectionDefinition | undefined, attachTo?: string): ProgramKind | undefined {
  return definition && { ...definition, attachTo };
}

/**
 * `xdp_drop`, `socket/2`, `classifier_ingress`: before libbpf 1.0, and in cilium/ebpf and aya to this day, any ending may
 * follow a name that takes no target. Here it does not begin with a letter: `tcp_v4` is no kind of `tc`.
 */
function looselyNamed(name: string): SectionDefinition | undefined {
  const found = Object.entries(sectionDefinitions).find(
    ([each, { target }]) => !target && name.startsWith(each) && !/^[A-Za-z]/.test(name.slice(each.length)),
  );
  return found?.[1];
}

export const textSection = '.text';
export const btfMapsSection = '.maps';

/** `.struct_ops` or `.struct_ops.link`, each with a `?` before it where it is not to be made by default. */
export function isStructOpsSection(name: string): boolean {
  return /^\??\.struct_ops(\.link)?$/.test(name);
}

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
