/** Fields of its context where a program's translated code uses them. */
import { type Instruction, opcode } from '../asm/index.js';
import type { Btf } from '../btf/btf.js';
import { XdpkitError } from '../errors/error.js';
import { followContext } from './context-flow.js';
import { readContextLayout } from './context-layout.js';
import { contextTypes } from './context-types.js';
import { readTargetBtf } from './target-btf.js';

export interface ContextUse {
  /** `xdp_md.ingress_ifindex`; undefined for a step on the way, and for what no field becomes. */
  readonly field: string | undefined;
  /** Members of the kernel's own structs, the last of them accessed here: `xdp_buff.rxq`, `xdp_rxq_info.dev`, … */
  readonly path: readonly string[];
  readonly isWrite: boolean;
}

/** By slot. A kernel that does not tell its types, or whom it may be told, leaves it empty. */
export function contextUses(
  type: string,
  instructions: readonly Instruction[],
  functions: ReadonlySet<number>,
): ReadonlyMap<number, ContextUse> {
  const layout = contextLayoutOf(type);
  const context = layout?.btf.find('struct', layout.real);
  if (layout === undefined || context === undefined) return new Map();
  const code = instructions.flatMap((each) => (each.opcode === opcode.loadImmediate64 ? [each, undefined] : [each]));
  const accesses = followContext({ code, functions, btf: layout.btf, context });
  return new Map(
    [...accesses].map(([at, access]) => [at, { ...access, field: layout.fields.get(access.path.join()) }]),
  );
}

interface KnownLayout {
  readonly btf: Btf;
  readonly real: string;
  /** `xdp_md.data` by the members that it is read from. */
  readonly fields: ReadonlyMap<string, string>;
}

const layouts = new Map<string, KnownLayout | undefined>();

function contextLayoutOf(type: string): KnownLayout | undefined {
  if (!(type in contextTypes)) return undefined;
  if (!layouts.has(type)) layouts.set(type, readKnownLayout(type));
  return layouts.get(type);
}

function readKnownLayout(type: string): KnownLayout | undefined {
  try {
    const btf = readTargetBtf(undefined);
    const { fields, seen, real } = readContextLayout(type, btf);
    const named = fields.flatMap(({ name, read }) =>
      read?.isPlain
        ? [[read.steps.map(({ struct, member }) => `${struct}.${member}`).join(), `${seen}.${name}`] as const]
        : [],
    );
    return { btf, real, fields: new Map(named) };
  } catch (error) {
    if (error instanceof XdpkitError) return undefined;
    throw error;
  }
}
