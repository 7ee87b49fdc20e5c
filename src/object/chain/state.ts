/**
 * What a chain must know of itself to be changed later by somebody else: its members, where their maps are, and their
 * object files, so that it can be linked anew without the files on disk. It lies in a map that the chain's program holds
 * on to, and so lives exactly as long as that.
 *
 * Layout, little-endian: 8 bytes "xdpkit\0\0", u32 version, u32 length of the JSON, the JSON, the object files.
 */
import { XdpkitError } from '../../errors/error.js';
import type { RunConfig } from './run-config.js';

export interface MemberState extends RunConfig {
  readonly name: string;
  /** The C function's name. */
  readonly program: string;
  /** Its counters. */
  readonly slot: number;
  /** The path that the object was read from, when it was added. */
  readonly source: string;
  /** The object file. */
  readonly object: Uint8Array;
  /** Ids in the kernel by the names in the object. */
  readonly maps: Readonly<Record<string, number>>;
}

export interface ChainState {
  /** In the order in which they run. */
  readonly members: readonly MemberState[];
  /** Whether the chain takes packets in several buffers. */
  readonly frags: boolean;
  /** Id of the map that holds the counters. */
  readonly counters: number;
  /** The next slot that no member has had. */
  readonly nextSlot: number;
}

const magic = 'xdpkit\0\0';
const version = 1;
const headerSize = 16;

export function encodeState({ members, frags, counters, nextSlot }: ChainState): Uint8Array {
  let offset = 0;
  const listed = members.map(({ name, program, slot, priority, next, source, object, maps }) => {
    const place = { offset, length: object.length };
    offset += object.length;
    return { name, program, slot, priority, next, source, object: place, maps };
  });
  const text = new TextEncoder().encode(JSON.stringify({ frags, counters, nextSlot, members: listed }));
  const bytes = new Uint8Array(headerSize + text.length + offset);
  bytes.set(new TextEncoder().encode(magic));
  const view = new DataView(bytes.buffer);
  view.setUint32(8, version, true);
  view.setUint32(12, text.length, true);
  bytes.set(text, headerSize);
  let at = headerSize + text.length;
  for (const { object } of members) {
    bytes.set(object, at);
    at += object.length;
  }
  return bytes;
}

const longestId = 0xffff_ffff;

/** Bytes that the state takes at most, whatever ids its maps will have. */
export function stateSize(state: ChainState): number {
  const members = state.members.map((member) => ({
    ...member,
    maps: Object.fromEntries(Object.keys(member.maps).map((name) => [name, longestId])),
  }));
  return encodeState({ ...state, counters: longestId, members }).length;
}

/** Throws `XdpkitError` UNSUPPORTED for a later version, MALFORMED for anything else. */
export function decodeState(bytes: Uint8Array): ChainState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < headerSize || new TextDecoder().decode(bytes.subarray(0, 8)) !== magic) {
    throw new XdpkitError('MALFORMED', 'the state of a chain does not begin as it must');
  }
  if (view.getUint32(8, true) !== version) {
    throw new XdpkitError('UNSUPPORTED', `the chain's state is of version ${view.getUint32(8, true)}, not ${version}`, {
      hint: 'Another release of xdpkit has made it: use that one, or take the chain off with `xdpkit detach`.',
    });
  }
  const objects = headerSize + view.getUint32(12, true);
  try {
    const { frags, counters, nextSlot, members } = JSON.parse(
      new TextDecoder().decode(bytes.subarray(headerSize, objects)),
    ) as {
      readonly frags: boolean;
      readonly counters: number;
      readonly nextSlot: number;
      readonly members: readonly (Omit<MemberState, 'object'> & {
        readonly object: { readonly offset: number; readonly length: number };
      })[];
    };
    return {
      frags,
      counters,
      nextSlot,
      members: members.map(({ object: { offset, length }, ...member }) => {
        const start = objects + offset;
        if (start + length > bytes.length) throw new RangeError(`the object of ${member.name} is cut off`);
        return { ...member, object: bytes.slice(start, start + length) };
      }),
    };
  } catch (cause) {
    throw new XdpkitError('MALFORMED', "the chain's state is damaged", { cause });
  }
}
