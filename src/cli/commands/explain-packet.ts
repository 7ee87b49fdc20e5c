import { type Field, formatValue } from '../../packet/field.js';
import { defineCommand } from '../command.js';
import type { Output } from '../output.js';

export const explainPacket = defineCommand<Record<never, never>, [string?]>({
  brief: 'How packets are written in words: the layers, or the fields of one',
  description: [
    'How packets are written in words, for `prog run --packet` and buildPacket of the library: the layers, or the fields',
    'of one. Layers stand between slashes, each with its fields: vlan id 5/ip dst 10.0.0.1 ttl 3/udp dport 53/data "x".',
  ].join('\n'),
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'A layer, as in tcp', parse: String, placeholder: 'LAYER', optional: true }],
    },
  },
  async run({ output }, layer) {
    const { definitionNamed, describeLayers } = await import('../packet-words.js');
    if (layer === undefined) {
      const layers = describeLayers();
      await output.table(
        [{ title: 'LAYER' }, { title: 'STANDS IN' }, { title: 'FIELDS' }],
        layers.map(({ name, within, fields }) => [name, within.join(', '), fields.join(', ')]),
      );
      output.document({ layers });
      return undefined;
    }
    await printFields(output, definitionNamed(layer).fields);
    const { name, within, options } = definitionNamed(layer);
    const words = options?.words.map((word) => (word.takes ? `${word.name} ${word.takes}` : word.name)) ?? [];
    if (words.length > 0) output.print(`\noptions, in the order given: ${words.join(', ')}`);
    output.document({ name, within, fields: definitionNamed(layer).fields.map(fieldDocument), options: words });
    return undefined;
  },
});

async function printFields(output: Output, fields: readonly Field[]): Promise<void> {
  await output.table(
    [{ title: 'FIELD' }, { title: 'BITS', align: 'right' }, { title: 'UNLESS GIVEN' }, { title: 'NAMES' }],
    fields.map((field) => {
      const { name, bits, unlessGiven, names } = fieldDocument(field);
      return [name, bits === null ? 'any' : String(bits), unlessGiven, names.join(', ')];
    }),
  );
}

function fieldDocument(field: Field) {
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
