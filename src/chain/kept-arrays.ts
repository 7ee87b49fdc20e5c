/**
 * Program arrays that stay with their members belong to programs of one sort: such as take packets in several buffers, or
 * such as do not (Linux `kernel/bpf/core.c`, __bpf_prog_map_compatible). The chain has to be of that sort while they stay.
 */
import { XdpkitError } from '../errors/error.js';
import type { ChainMember } from '../object/chain/link-chain.js';
import type { Occupant } from '../xdp/occupant.js';
import type { WantedMember } from './member.js';

/**
 * False where the chain must not take packets in several buffers; undefined where it may. Errors: CHAIN_LIMIT where it
 * would have to, and a member cannot.
 */
export function fragsOfKeptArrays(
  occupant: Occupant,
  wanted: readonly WantedMember[],
  members: readonly ChainMember[],
): false | undefined {
  const holders = members.filter(({ spec }, index) =>
    spec.maps.some(({ name, type }) => type === 'prog_array' && Object.hasOwn(wanted[index]?.maps ?? {}, name)),
  );
  const [holder] = holders;
  if (holder === undefined) return undefined;
  const isFrags = occupant.kind === 'chain' ? occupant.state.frags : holder.program.frags;
  if (!isFrags) return false;
  const others = members.filter(({ program }) => !program.frags).map(({ name }) => name);
  if (others.length === 0) return undefined;
  const holding = holders.map(({ name }) => name).join(', ');
  throw new XdpkitError(
    'CHAIN_LIMIT',
    `the chain takes packets in several buffers, and so do the programs in program arrays of ${holding}, which stay; ${others.join(', ')} cannot`,
    {
      hint: `Compile ${others.join(', ')} with SEC("xdp.frags"); or take ${holding} out of the chain and add it again afterwards, with program arrays that begin anew.`,
    },
  );
}
