/**
 * How a program wants to stand in a chain, as its source says in the section `.xdp_run_config`: nothing of it is in the
 * section's bytes, all is in the types. Source: xdp-tools `lib/libxdp/README.org`, "Specifying chain call actions".
 */
import type { Btf } from '../../btf/btf.js';
import type { TypeId } from '../../btf/types.js';
import { type Verdict, verdicts } from '../../packet/verdict.js';
import type { ObjectSpec } from '../spec.js';

export interface RunConfig {
  /** The least runs first. */
  readonly priority: number;
  /** After these verdicts of the program the next one runs; any other is the chain's. */
  readonly next: readonly Verdict[];
}

/** Of a program that says nothing. */
export const defaultRunConfig: RunConfig = { priority: 50, next: ['PASS'] };

const sectionName = '.xdp_run_config';

/**
 * `struct { __uint(priority, 10); __uint(XDP_PASS, 1); } XDP_RUN_CONFIG(program);`: what it does not name stays as by
 * default. Throws `FormatError` for a field that is none of these.
 */
export function readRunConfig({ btf }: Pick<ObjectSpec, 'btf'>, program: string): RunConfig {
  const type = btf && findConfig(btf, program);
  if (!btf || type === undefined) return defaultRunConfig;
  const definition = btf.type(type);
  if (definition.kind !== 'struct') throw btf.error(type, `configures how ${program} is run, and is no struct`);
  let { priority } = defaultRunConfig;
  const next = new Set(defaultRunConfig.next);
  for (const member of definition.members) {
    const value = numberOf(btf, member.type);
    const verdict = verdicts.find((one) => member.name === `XDP_${one}`);
    if (value === undefined || (verdict === undefined && member.name !== 'priority')) {
      throw btf.error(type, `configures how ${program} is run with ${member.name}, which is no such field`);
    }
    if (verdict === undefined) priority = value;
    else if (value === 0) next.delete(verdict);
    else next.add(verdict);
  }
  return { priority, next: verdicts.filter((one) => next.has(one)) };
}

function findConfig(btf: Btf, program: string): TypeId | undefined {
  const id = btf.find('section', sectionName);
  const section = id === undefined ? undefined : btf.type(id);
  if (section?.kind !== 'section') return undefined;
  for (const { type } of section.variables) {
    const variable = btf.type(type);
    if (variable.kind === 'variable' && variable.name === `_${program}`) return btf.resolve(variable.type);
  }
  return undefined;
}

/** `__uint(name, 10)` is `int (*name)[10]`. */
function numberOf(btf: Btf, id: TypeId): number | undefined {
  const pointer = btf.type(btf.resolve(id));
  if (pointer.kind !== 'pointer') return undefined;
  const array = btf.type(btf.resolve(pointer.type));
  return array.kind === 'array' ? array.length : undefined;
}
