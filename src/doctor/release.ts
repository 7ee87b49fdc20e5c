import { kernelFeatures } from '../kernel/features.js';
import type { Finding } from './finding.js';

const oldestKernel = '5.4';

/** `release` as `uname -r` gives it. */
export function examineRelease(release: string): Finding {
  const later = Object.values(kernelFeatures)
    .filter(({ since }) => isOlder(release, since))
    .map(({ name, since }) => `${name} (${since})`);
  const isTooOld = isOlder(release, oldestKernel);
  return {
    group: 'system',
    item: 'kernel',
    state: isTooOld ? 'degraded' : 'ok',
    found: isTooOld ? `${release}, older than ${oldestKernel}, which xdpkit is made for` : release,
    lost: later.length > 0 ? `what later releases brought: ${later.join(', ')}` : undefined,
    hint: isTooOld ? `Use Linux ${oldestKernel} or newer.` : undefined,
  };
}

/** Whether the release `5.4.0-generic` is older than `5.9`. */
export function isOlder(release: string, than: string): boolean {
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split('.').map(Number);
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}
