import { defineCommand } from '../command.js';

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
    const { definitionNamed, describeLayers, fieldDocument } = await import('../packet-words.js');
    if (layer === undefined) {
      const layers = describeLayers();
      await output.table(
        [{ title: 'LAYER' }, { title: 'STANDS IN' }, { title: 'FIELDS' }],
        layers.map(({ name, within, fields }) => [name, within.join(', '), fields.join(', ')]),
      );
      output.document({ layers });
      return undefined;
    }
    const { name, within, options, ...definition } = definitionNamed(layer);
    const fields = definition.fields.map(fieldDocument);
    await output.table(
      [{ title: 'FIELD' }, { title: 'BITS', align: 'right' }, { title: 'UNLESS GIVEN' }, { title: 'NAMES' }],
      fields.map((field) => [
        field.name,
        field.bits === null ? 'any' : String(field.bits),
        field.unlessGiven,
        field.names.join(', '),
      ]),
    );
    const words = options?.words.map((word) => (word.takes ? `${word.name} ${word.takes}` : word.name)) ?? [];
    if (words.length > 0) output.print(`\noptions, in the order given: ${words.join(', ')}`);
    output.document({ name, within, fields, options: words });
    return undefined;
  },
});
