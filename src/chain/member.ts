/** Members of a chain on their way into the kernel. */
import { XdpkitError } from '../errors/error.js';
import { readMapInfo } from '../kernel/info.js';
import { openById } from '../kernel/iterate.js';
import { shapeDifferences } from '../kernel/map-create.js';
import { chooseXdpProgram, type ProgramWish } from '../loader/choose-program.js';
import type { OpenedObject } from '../loader/open.js';
import type { ChainMember } from '../object/chain/link-chain.js';
import { type RunConfig, readRunConfig } from '../object/chain/run-config.js';
import type { MemberState } from '../object/chain/state.js';
import { readObject } from '../object/read.js';
import type { ObjectSpec, ProgramSpec } from '../object/spec.js';

/** What a chain is linked from and will know of its member; one that is new to it has no counters yet. */
export interface WantedMember extends Omit<MemberState, 'slot'> {
  readonly slot: number | undefined;
  /** In the place of the object's own, where global variables were set before the load. */
  readonly spec: ObjectSpec | undefined;
}

/** Of a `RunConfig`, what is to be another than it would be. */
export type RunWish = { readonly [Field in keyof RunConfig]?: RunConfig[Field] | undefined };

export interface MemberWish extends ProgramWish, RunWish {
  /** In the chain: the program's own unless given. */
  readonly name?: string | undefined;
}

/** What the source says (`.xdp_run_config`) counts where the wish says nothing. Errors: those of `chooseXdpProgram`, `USAGE`. */
export function newMember(object: OpenedObject, wish: MemberWish): WantedMember {
  const { spec, file } = object;
  if (file === undefined) {
    throw new XdpkitError('USAGE', `${spec.name} was not read from an object file, which its chain would have to keep`);
  }
  const program = chooseXdpProgram(spec, wish).name;
  const config = readRunConfig(spec, program);
  const name = wish.name ?? program;
  if (!/^[\w.-]{1,64}$/.test(name)) {
    throw new XdpkitError('USAGE', `"${name}" cannot name a member: letters, digits, "_", "-" and "." can, up to 64`);
  }
  return {
    name,
    program,
    priority: wish.priority ?? config.priority,
    next: wish.next ?? config.next,
    source: file.path,
    object: file.bytes,
    maps: {},
    slot: undefined,
    spec,
  };
}

/** A member that is there already. */
export function presentMember(state: MemberState): WantedMember {
  return { ...state, spec: undefined };
}

/**
 * A member in the place of another: what the wish does not say stays as it was, and so do maps of the same name and shape.
 * Data sections belong to their own version, and so do program arrays, which hold parts of it.
 */
export function succeed(before: WantedMember, member: WantedMember, wish: RunWish): WantedMember {
  const spec = member.spec ?? readObject(member.object, member.source);
  const maps = spec.maps.flatMap((map) => {
    const id = before.maps[map.name];
    if (id === undefined || map.origin === 'data' || map.type === 'prog_array') return [];
    using fd = openById('map', id);
    if (fd === undefined || shapeDifferences(map, readMapInfo(fd.number), spec.btf).length > 0) return [];
    return [[map.name, id] as const];
  });
  return {
    ...member,
    slot: before.slot,
    priority: wish.priority ?? before.priority,
    next: wish.next ?? before.next,
    maps: Object.fromEntries(maps),
  };
}

export function linkable(member: WantedMember, slot: number): ChainMember {
  const { name, priority, next, source } = member;
  const spec = member.spec ?? readObject(member.object, source);
  return { name, priority, next, slot, spec, program: programOf(spec, member.program) };
}

function programOf(spec: ObjectSpec, name: string): ProgramSpec {
  const program = spec.programs.find((one) => one.name === name);
  if (program === undefined) throw new XdpkitError('PROGRAM_NOT_FOUND', `${spec.name} has no program "${name}"`);
  return program;
}
