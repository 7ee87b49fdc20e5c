/** All layers that are known, by name. */
import type { LayerDefinition } from '../layer.js';
import { linkLayers } from './ethernet.js';
import { icmpLayers } from './icmp.js';
import { internetLayers } from './internet.js';
import { transportLayers } from './transport.js';
import { tunnelLayers } from './tunnel.js';

export const layers: ReadonlyMap<string, LayerDefinition> = new Map(
  [...linkLayers, ...internetLayers, ...transportLayers, ...icmpLayers, ...tunnelLayers].map((layer) => [
    layer.name,
    layer,
  ]),
);

/** Those that stand for bytes only; a trailer is what an Ethernet frame has behind its packet. */
export const contentWords = ['data', 'zeros', 'random', 'trailer'] as const;
