import { defineCommand } from '../command.js';
import { describeHolders, programDocument } from '../program-documents.js';
import { formatTime } from '../units.js';

type Flags = { readonly type?: string };

export const progLs = defineCommand<Flags, []>({
  brief: "List the kernel's programs, and what keeps them there",
  parameters: {
    flags: {
      type: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'TYPE',
        brief: 'Only programs of this type, as in xdp or sched_cls',
      },
    },
  },
  async run({ flags, output }) {
    const { listPrograms } = await import('../../kernel/list-programs.js');
    const { readProgramHolders } = await import('../../xdp/program-holders.js');
    const all = [...listPrograms()];
    const programs = all.filter(({ type }) => flags.type === undefined || type === flags.type);
    const holdersOf = readProgramHolders();
    const listed = programs.map((program) => ({ program, holders: holdersOf(program.id) }));
    if (listed.length === 0)
      output.print(all.length === 0 ? 'the kernel has no programs' : 'no program is of that type');
    else {
      await output.table(
        [
          { title: 'ID', align: 'right' },
          { title: 'TYPE' },
          { title: 'NAME' },
          { title: 'TAG' },
          { title: 'LOADED' },
          { title: 'BYTES', align: 'right' },
          { title: 'MAPS' },
          { title: 'HELD BY' },
        ],
        listed.map(({ program, holders }) => [
          String(program.id),
          program.type,
          program.fullName || '-',
          program.tag,
          formatTime(program.loadedAt),
          String(program.translatedSize),
          program.mapIds.join(',') || '-',
          describeHolders(holders).join(', ') || '-',
        ]),
      );
    }
    output.document({ programs: listed.map(({ program, holders }) => programDocument(program, holders)) });
    return undefined;
  },
});
