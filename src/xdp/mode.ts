import type { XdpMode } from '../linux/netlink/route/device.js';

export type { XdpMode };

/** `auto`: native where the driver can, else generic, with the reason kept. */
export type XdpModeChoice = XdpMode | 'auto';

export const xdpModes = ['native', 'generic', 'offload'] as const satisfies readonly XdpMode[];

/** XDP_FLAGS_SKB_MODE, _DRV_MODE, _HW_MODE. */
export const modeFlags = { generic: 2, native: 4, offload: 8 } as const satisfies Record<XdpMode, number>;

export function modesToTry(choice: XdpModeChoice): readonly XdpMode[] {
  return choice === 'auto' ? ['native', 'generic'] : [choice];
}
