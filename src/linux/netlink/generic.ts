import { isErrno } from '../syscall-error.js';
import { type NetlinkMessage, PayloadWriter, readAttributeMap } from './message.js';
import type { NetlinkSocket } from './socket.js';

/** Generic netlink: families by name. Source: Linux `include/uapi/linux/genetlink.h`. */
const control = { family: 0x10, version: 2, getFamily: 3, familyId: 1, familyName: 2 } as const;

/** The message type of a family (`netdev`, `ethtool`); undefined where the kernel lacks it. */
export function findFamily(generic: NetlinkSocket, name: string): number | undefined {
  const payload = genericPayload(control.getFamily, control.version).attributeString(control.familyName, name);
  try {
    const [message] = generic.request(`look up generic netlink family ${name}`, control.family, payload.finish());
    return message && readGenericAttributes(message).get(control.familyId)?.u16();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** The start of a generic netlink payload; attributes follow. */
export function genericPayload(command: number, version = 1): PayloadWriter {
  return new PayloadWriter().u8(command).u8(version).u16(0);
}

/** The attributes after the four bytes of command and version. */
export function readGenericAttributes({ payload }: NetlinkMessage): ReturnType<typeof readAttributeMap> {
  return readAttributeMap(payload.skip(4));
}
