/** The words of the packet grammar, for those who ask. */
import { XdpkitError } from '../errors/error.js';
import type { LayerDefinition } from '../packet/layer.js';
import { contentWords, layers } from '../packet/layers/layers.js';

export function definitionNamed(name: string): LayerDefinition {
  const definition = layers.get(name);
  if (definition) return definition;
  throw new XdpkitError('USAGE', `packets have no layer "${name}" with fields`, {
    hint: `Layers are ${[...layers.keys()].join(', ')}; bytes are written as ${contentWords.join(', ')}.`,
  });
}

export function describeLayers(): { name: string; within: readonly string[]; fields: string[] }[] {
  const content = { data: '"text" or 0x…', zeros: 'N', random: 'N seed N', trailer: 'behind the packet of an eth' };
  return [
    ...[...layers.values()].map(({ name, within, fields, aliases = {}, options }) => ({
      name,
      within,
      fields: [
        ...fields.map((field) => field.name),
        ...Object.keys(aliases),
        ...(options?.words ?? []).map((word) => word.name),
      ],
    })),
    ...contentWords.map((name) => ({ name, within: ['any'], fields: [content[name]] })),
  ];
}
