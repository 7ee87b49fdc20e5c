/**
 * Several XDP programs as one: each becomes a sub-program, and a function written here runs them in order until one says
 * a verdict after which the next is not to run. Needs no trampoline and no slots, but BPF-to-BPF calls: Linux 4.16. The
 * order and the verdicts mean what they mean to libxdp (xdp-tools, `lib/libxdp/protocol.org`); behind the last member the
 * chain answers PASS.
 *
 * A member's `bpf_tail_call` (Linux 5.10 on x86-64, 6.0 on arm64) runs another program in the place of the member: what
 * that one returns is the member's verdict.
 */
import { XdpkitError } from '../../errors/error.js';
import { verdicts } from '../../packet/verdict.js';
import { mapTypes } from '../../uapi/bpf.generated.js';
import { mapDefaults } from '../map-defaults.js';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../spec.js';
import { contextType } from './context-type.js';
import { countCode, countText } from './count-function.js';
import { countersMap } from './counters.js';
import { glueFunction } from './glue-function.js';
import type { GlueTypes } from './glue-types.js';
import { jointLicense } from './license.js';
import { type MeasuredMember, measureMembers, requireLimits } from './limits.js';
import { chainTexts, mainCode } from './main-function.js';
import type { RunConfig } from './run-config.js';
import { unite } from './unite.js';

/** The chain's program, as the kernel shows it. */
export const chainProgramName = 'xdpkit_chain';
export const stateMapName = 'chain_state';

export interface ChainMember extends RunConfig {
  /** Names the member in the chain, where it stands once. */
  readonly name: string;
  readonly spec: ObjectSpec;
  readonly program: ProgramSpec;
  /** Which counters are its own, 1 or more: its place in the list unless given. */
  readonly slot?: number | undefined;
}

export interface ChainOptions {
  /** False where the chain is to take packets in one buffer only, although all members may take them in several. */
  readonly frags?: false | undefined;
  /** How many slots there are for counters: as many as are needed unless given. */
  readonly slots?: number | undefined;
  /** Bytes to keep in a map that lives as long as the program, once its members are known; none unless given. */
  readonly stateSize?: ((members: readonly PlacedMember[]) => number) | undefined;
}

export interface PlacedMember extends RunConfig {
  readonly name: string;
  readonly slot: number;
  /** Names in the chain's spec, by those in the member's own. */
  readonly maps: ReadonlyMap<string, string>;
  readonly globals: ReadonlyMap<string, string>;
  readonly stack: MeasuredMember['stack'];
}

export interface LinkedChain {
  /** The XDP program `xdpkit_chain`, and those that program arrays of its members hold from the start. */
  readonly spec: ObjectSpec;
  /** In the order in which they run. */
  readonly members: readonly PlacedMember[];
  /** Whether it takes packets in several buffers. */
  readonly frags: boolean;
  /** Members that would take packets in several buffers, where the chain does not. */
  readonly fragsLost: readonly string[];
}

/** By priority, then by name. */
export function inRunOrder<Member extends Pick<ChainMember, 'priority' | 'name'>>(
  members: readonly Member[],
): Member[] {
  return members.toSorted((left, right) => left.priority - right.priority || (left.name < right.name ? -1 : 1));
}

const file = 'xdpkit chain';

/**
 * Throws `XdpkitError` CHAIN_LIMIT where the members take more than the kernel allows a program, USAGE for what is no
 * chain, PIN_MISMATCH.
 */
export function linkChain(members: readonly ChainMember[], options: ChainOptions = {}): LinkedChain {
  const ordered = inRunOrder(members);
  requireChain(ordered);
  const [{ spec: firstSpec }] = ordered as [ChainMember];
  const littleEndian = firstSpec.byteOrder === 'little';
  const slots = new Map(ordered.map(({ name, slot }, index) => [name, slot ?? index + 1]));
  const frags = options.frags !== false && ordered.every(({ program }) => program.frags);
  const texts = new Map(ordered.map((member) => [member.name, describe(member)]));
  const types = chainTypes([...texts.values()]);
  const { counterKey, counterValue, main, count } = typeIds;
  const counters = countersMap(options.slots ?? Math.max(0, ...slots.values()) + 1, {
    key: counterKey,
    value: counterValue,
  });
  const state = options.stateSize === undefined ? [] : [stateMap];
  const common = { littleEndian, texts: types.texts };
  const united = unite(
    ordered.map(({ name, spec, program }) => ({ name, spec, entries: [program.function] })),
    {
      types,
      maps: [counters, ...state],
      programNames: [chainProgramName],
      functionCount: 2,
      functions: (entries) => [
        glueFunction({
          ...common,
          name: chainProgramName,
          typeId: main,
          items: mainCode({
            members: ordered.map(({ name, next }, index) => ({
              function: entries[index] ?? -1,
              next,
              slot: slots.get(name) ?? 0,
              text: texts.get(name) ?? '',
            })),
            count: 1,
            keeps: state[0]?.name,
            frags,
          }),
        }),
        glueFunction({ ...common, name: 'count_verdict', typeId: count, items: countCode() }),
      ],
    },
    'the chain',
  );
  const entries = ordered.map(({ name }, index) => ({ name, entry: united.parts[index]?.entries[0] ?? -1 }));
  const measured = measureMembers(united.functions, entries, littleEndian);
  requireLimits('the chain', measured, united.functions);
  const placed = ordered.map(
    ({ name, priority, next }, index): PlacedMember => ({
      name,
      priority,
      next,
      slot: slots.get(name) ?? 0,
      maps: united.parts[index]?.maps ?? new Map(),
      globals: united.parts[index]?.globals ?? new Map(),
      stack: (measured[index] as MeasuredMember).stack,
    }),
  );
  const valueSize = options.stateSize?.(placed);
  return {
    spec: {
      name: 'chain',
      byteOrder: firstSpec.byteOrder,
      license: jointLicense(ordered.map(({ spec }) => spec.license)),
      kernelVersion: 0,
      // A program array takes programs that handle packets as the program does which jumps through it.
      programs: [
        chainProgram(frags),
        ...united.programs.map((program) => (frags ? program : { ...program, frags: false })),
      ],
      functions: united.functions,
      maps: united.maps.map((map) => (map === stateMap && valueSize !== undefined ? { ...map, valueSize } : map)),
      globals: united.globals,
      remarks: [...new Set(ordered.map(({ spec }) => spec))].flatMap(({ remarks }) => remarks),
      externs: united.externs,
      btf: united.btf,
    } satisfies Record<keyof ObjectSpec, unknown>,
    members: placed,
    frags,
    fragsLost: frags ? [] : ordered.filter(({ program }) => program.frags).map(({ name }) => name),
  };
}

function chainProgram(frags: boolean): ProgramSpec {
  return {
    name: chainProgramName,
    section: frags ? 'xdp.frags' : 'xdp',
    function: 0,
    type: 'xdp',
    attachType: 'xdp',
    frags,
    attachTo: undefined,
    sleepable: false,
  };
}

function requireChain(members: readonly ChainMember[]): void {
  const refuse = (problem: string): never => {
    throw new XdpkitError('USAGE', `a chain cannot be linked: ${problem}`);
  };
  if (members.length === 0) refuse('it has no members');
  const names = new Set<string>();
  const slots = new Set<number>();
  for (const { name, slot, spec, program, next } of members) {
    if (names.has(name)) refuse(`two members are named "${name}"`);
    names.add(name);
    if (slot !== undefined && (slots.has(slot) || slot < 1)) refuse(`slot ${slot} of "${name}" is none, or taken`);
    if (slot !== undefined) slots.add(slot);
    if (spec.byteOrder !== members[0]?.spec.byteOrder) refuse(`its members are of different byte orders`);
    if (program.attachType !== undefined && program.type === 'xdp' && program.attachType !== 'xdp') {
      refuse(`"${name}" is an XDP program for ${program.attachType}, and goes on no device`);
    }
    if (!next.every((one) => verdicts.includes(one)) || new Set(next).size !== next.length) {
      refuse(`"${name}" goes on after ${next.join(', ')}, which is no set of verdicts`);
    }
  }
}

function describe({ name, next }: ChainMember): string {
  const on = next.length > 0 ? `next after ${next.join(', ')}` : 'the last that runs';
  return `verdict = ${name}(ctx); /* ${on} */`;
}

const stateMap: MapSpec = {
  ...mapDefaults,
  name: stateMapName,
  origin: 'data',
  kernelName: stateMapName,
  type: 'array',
  typeNumber: mapTypes.array,
  keySize: 4,
  maxEntries: 1,
};

const typeIds = {
  int: 1,
  packet: 2,
  context: 3,
  mainType: 4,
  main: 5,
  counterKey: 6,
  long: 7,
  counterValue: 8,
  countType: 9,
  count: 10,
} as const;

function chainTypes(lines: readonly string[]): GlueTypes {
  const { int, packet, context, mainType, counterKey, long, countType } = typeIds;
  return {
    texts: [file, chainTexts.start, ...new Set(lines), chainTexts.end, countText],
    anyFunction: mainType,
    types: [
      { kind: 'int', name: 'int', size: 4, bits: 32, bitOffset: 0, signed: true, char: false, bool: false },
      contextType(counterKey),
      { kind: 'pointer', name: '', type: packet },
      { kind: 'function-prototype', name: '', returns: int, parameters: [{ name: 'ctx', type: context }] },
      { kind: 'function', name: chainProgramName, type: mainType, linkage: 'global' },
      { kind: 'int', name: 'unsigned int', size: 4, bits: 32, bitOffset: 0, signed: false, char: false, bool: false },
      {
        kind: 'int',
        name: 'unsigned long long',
        size: 8,
        bits: 64,
        bitOffset: 0,
        signed: false,
        char: false,
        bool: false,
      },
      {
        kind: 'struct',
        name: 'chain_counter',
        size: 16,
        members: [
          { name: 'packets', type: long, bitOffset: 0, bitSize: 0 },
          { name: 'bytes', type: long, bitOffset: 64, bitSize: 0 },
        ],
      },
      {
        kind: 'function-prototype',
        name: '',
        returns: int,
        parameters: [
          { name: 'index', type: counterKey },
          { name: 'length', type: long },
        ],
      },
      { kind: 'function', name: 'count_verdict', type: countType, linkage: 'static' },
    ],
  };
}
