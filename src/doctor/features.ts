import type { KernelFeature } from '../kernel/feature.js';
import { kernelFeatures } from '../kernel/features.js';
import type { Finding } from './finding.js';

const essential: ReadonlySet<KernelFeature> = new Set([kernelFeatures.bpf, kernelFeatures.btf, kernelFeatures.xdp]);

export function examineFeatures(features: readonly KernelFeature[] = Object.values(kernelFeatures)): Finding[] {
  return features.map((feature) => {
    const { name: item, since, what } = feature;
    const state = feature.probe();
    const common = { group: 'kernel features', item, essential: essential.has(feature) || undefined } as const;
    if (state.available) return { ...common, state: 'ok', found: `works (since Linux ${since})` };
    const { because, reason } = state;
    if (because === 'privileges') return { ...common, state: 'unknown', found: `could not be tried: ${reason}` };
    const hint =
      because === 'refused'
        ? 'More privileges do not help: the kernel was built or is guarded to refuse it.'
        : undefined;
    return {
      ...common,
      state: 'missing',
      found: because === 'refused' ? `refused: ${reason}` : reason,
      lost: what,
      hint,
    };
  });
}
