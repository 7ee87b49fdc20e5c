import { kernelFeatures } from '../kernel/features.js';
import { isOlderRelease } from '../linux/kernel-release.js';
import type { Finding } from './finding.js';

const oldestKernel = '5.4';

/** `release` as `uname -r` gives it. */
export function examineRelease(release: string): Finding {
  const later = Object.values(kernelFeatures)
    .filter(({ since }) => isOlderRelease(release, since))
    .map(({ name, since }) => `${name} (${since})`);
  const isTooOld = isOlderRelease(release, oldestKernel);
  return {
    group: 'system',
    item: 'kernel',
    state: isTooOld ? 'degraded' : 'ok',
    found: isTooOld ? `${release}, older than ${oldestKernel}, which xdpkit is made for` : release,
    lost: later.length > 0 ? `what later releases brought: ${later.join(', ')}` : undefined,
    hint: isTooOld ? `Use Linux ${oldestKernel} or newer.` : undefined,
  };
}
