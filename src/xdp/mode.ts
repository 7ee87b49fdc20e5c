import type { XdpMode } from '../linux/netlink/route/device.js';

export type { XdpMode };

/** `auto`: native where the driver can, else generic, with the reason kept. */
export type XdpModeChoice = XdpMode | 'auto';

export function modesToTry(choice: XdpModeChoice): readonly XdpMode[] {
  return choice === 'auto' ? ['native', 'generic'] : [choice];
}
