/** The words of the packet grammar, for those who ask. */
import { XdpkitError } from '../errors/error.js';
import { type Field, formatValue } from '../packet/field.js';
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

/** What a field is unless it is given, and the names that it takes for numbers. */
export function fieldDocument(field: Field) {
  const { name, bits, form, automatic, follows, initial, when } = field;
  const given = follows ? `the right ${follows === 'sum' ? 'checksum' : 'length'}` : 'follows from the rest';
  const fixed =
    initial instanceof Uint8Array && initial.length === 0 ? 'nothing' : formatValue(field, initial, new Map());
  return {
    name,
    bits: typeof bits === 'number' ? bits : null,
    unlessGiven: `${automatic ? given : fixed}${when ? ', where it is there' : ''}`,
    names: namesOf(form),
  };
}

function namesOf(form: Field['form']): string[] {
  if (form.kind === 'flags') return Object.keys(form.names);
  return form.kind === 'number' && form.names ? Object.keys(form.names(new Map())) : [];
}
