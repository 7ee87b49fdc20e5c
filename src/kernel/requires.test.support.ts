/** What a kernel test stands on, so that it is left out only where that cannot be there. */
import { kernelOlderThan } from '../linux/kernel-release.js';
import { kernelFeatures } from './features.js';

type Need = `${number}.${number}` | 'trampolines';

/**
 * Options of a test that needs a release of Linux ("6.4") or trampolines. It is skipped where the kernel is older, or
 * forbids trampolines as some hosts do; the stock kernels of `npm run test:vm` have all that is not newer than they are.
 */
export function requires(...needs: readonly Need[]): { readonly skip: string | false } {
  const missing = needs.flatMap((need) => {
    if (need !== 'trampolines') return kernelOlderThan(need) ? [`Linux ${need}`] : [];
    const isStock = process.env.XDPKIT_STOCK_KERNEL === '1';
    return isStock || kernelFeatures.trampolines.probe().available ? [] : ['trampolines'];
  });
  return { skip: missing.length > 0 && `it needs ${missing.join(' and ')}` };
}
