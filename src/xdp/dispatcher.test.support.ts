/** Dispatchers as libxdp lays them out, by clang: what is read of them was written by nobody here. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenedObject } from '../loader/open.js';
import { openText } from '../object/compile-text.test.support.js';
import { type Verdict, verdictNumber } from '../packet/verdict.js';

export interface TestSlot {
  readonly priority: number;
  readonly next: readonly Verdict[];
  readonly frags?: boolean;
}

/** `struct xdp_dispatcher_config` of each version of the protocol. */
const structs = {
  1: '__u8 num_progs_enabled; __u32 chain_call_actions[10]; __u32 run_prios[10];',
  2: `__u8 magic, dispatcher_version, num_progs_enabled, is_xdp_frags;
      __u32 chain_call_actions[10]; __u32 run_prios[10]; __u32 program_flags[10];`,
  3: `__u8 magic, dispatcher_version, num_progs_enabled, is_xdp_frags;
      __u32 chain_call_actions[10]; __u32 run_prios[10]; __u32 program_flags[10]; __u8 is_xdp_devbound;`,
} as const;

export type Version = keyof typeof structs;
export const versions = [1, 2, 3] as const;

/** An object with a dispatcher of that version, for two members. */
export function openDispatcher(version: Version): OpenedObject {
  const slot = (number: number): string =>
    `__attribute__((noinline)) int prog${number}(struct xdp_md *ctx) { volatile int ret = 31; return ctx ? ret : 0; }`;
  return openText(
    `struct xdp_dispatcher_config { ${structs[version]} };
     static volatile const struct xdp_dispatcher_config conf = {};
     ${slot(0)} ${slot(1)}
     SEC("xdp") int xdp_dispatcher(struct xdp_md *ctx) {
       int ret = conf.num_progs_enabled > 0 ? prog0(ctx) : XDP_PASS;
       if (!((1U << ret) & conf.chain_call_actions[0])) return ret;
       ret = conf.num_progs_enabled > 1 ? prog1(ctx) : XDP_PASS;
       return (1U << ret) & conf.chain_call_actions[1] ? XDP_PASS : ret;
     }`,
    { name: `dispatcher-${version}` },
  );
}

/** Sets it up for these members, in the words of its own type. */
export function configure(object: OpenedObject, version: number, slots: readonly TestSlot[]): void {
  const ten = (value: (slot: TestSlot) => number): number[] =>
    Array.from({ length: 10 }, (_, index) => (slots[index] ? value(slots[index]) : 0));
  const common = {
    num_progs_enabled: slots.length,
    chain_call_actions: ten(({ next }) =>
      Number(next.reduce((bits, one) => bits | (1n << BigInt(verdictNumber(one))), 1n << 31n)),
    ),
    run_prios: ten(({ priority }) => priority),
  };
  const later = {
    magic: 236,
    dispatcher_version: version,
    is_xdp_frags: Number(slots.some(({ frags }) => frags)),
    program_flags: ten(({ frags }) => (frags ? 1 << 5 : 0)),
  };
  const conf = { ...common, ...(version > 1 ? later : {}), ...(version > 2 ? { is_xdp_devbound: 1 } : {}) };
  object.globals.conf = conf;
}

/** Loads members and pins them where libxdp pins its own; the folder goes with the result. */
export function pinMembers(
  ifindex: number,
  dispatcherId: number,
  members: readonly OpenedObject[],
): Disposable & { readonly folder: string } {
  const folder = `/sys/fs/bpf/xdp/dispatch-${ifindex}-${dispatcherId}`;
  if (members.length > 0) mkdirSync(folder, { recursive: true });
  for (const [slot, member] of members.entries()) {
    using loaded = member.load();
    loaded.program(member.spec.name).pin(join(folder, `prog${slot}-prog`));
  }
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
