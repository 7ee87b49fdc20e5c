import type { BtfValue } from '../../btf/codec.js';
import type { ValueShape } from '../../btf/shape.js';
import { defineCommand } from '../command.js';
import { mapParameter } from '../map-flags.js';
import { wholeNumber } from '../parsers.js';

type Flags = { readonly type?: string; readonly count?: number };

export const mapEvents = defineCommand<Flags, [map: string]>({
  brief: 'Print the events that programs write to a map, as they come',
  description: [
    'Print the events that programs write to a ring buffer or a perf event array, as they come, until it is interrupted',
    'or --count of them are printed: bytes as hexadecimal digits, or by the type that is named, which a program that uses',
    'the map knows. With --json an event is a document on a line of its own. Who prints events takes them away from the',
    "program's own reader. What was lost on the way is told at the end.",
  ].join('\n'),
  parameters: {
    positional: { kind: 'tuple', parameters: [mapParameter] },
    flags: {
      type: { kind: 'parsed', parse: String, optional: true, placeholder: 'NAME', brief: 'The C type of an event' },
      count: {
        kind: 'parsed',
        parse: wholeNumber,
        optional: true,
        placeholder: 'N',
        brief: 'End after so many events',
      },
    },
  },
  async run({ flags, output, context }, reference) {
    const { findMap } = await import('../../kernel/find-map.js');
    const { listHoldingProcesses } = await import('../../kernel/processes.js');
    const { openEvents, typesOfUsers } = await import('../../kernel/open-events.js');
    const { eventType } = await import('../../kernel/event-reader.js');
    const { shapeOf } = await import('../../btf/shape.js');
    const { formatValue } = await import('../../values/format-value.js');
    const { widthOf } = await import('../map-entries.js');
    const { count = Number.POSITIVE_INFINITY } = flags;
    using map = findMap(reference);
    const others = listHoldingProcesses('map', map.info().id).map(({ pid, command }) => `${command} (${pid})`);
    if (others.length > 0) {
      output.warn(`also open in ${others.join(', ')}: events that are printed here are not read there any more`);
    }
    const type = flags.type === undefined ? undefined : eventType(typesOfUsers(map), flags.type, map.name);
    const shape: ValueShape = type ? shapeOf(type.types, type.id) : { kind: 'bytes', size: 0 };
    using reader = openEvents<BtfValue>(map, { type: flags.type, btf: type?.types });
    const width = widthOf(context);
    while (reader.statistics.records < count && (await reader.wait({ signal: context.signal }))) {
      const wanted = Math.min(eventsAtOnce, count - reader.statistics.records);
      reader.drain((view, offset, length, cpu) => {
        const value = reader.decode(view, offset, length);
        const where = cpu === undefined ? '' : `cpu ${cpu}: `;
        if (!output.json) output.print(`${where}${formatValue(shape, value, { width, used: where.length })}`);
        output.document(cpu === undefined ? { value } : { cpu, value });
      }, wanted);
    }
    const { records, lost } = reader.statistics;
    output.note(records === 1 ? '1 event' : `${records} events`);
    if (lost > 0) output.warn(`${lost} more events were lost: they found no room in the map`);
    return undefined;
  },
});

/** Between two rounds of the event loop, in which an interruption is heard. */
const eventsAtOnce = 1000;
