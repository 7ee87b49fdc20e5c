import { XdpkitError } from '../../errors/error.js';
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
    const { programTypes } = await import('../../uapi/bpf.generated.js');
    const { type: wanted } = flags;
    if (wanted !== undefined && !Object.hasOwn(programTypes, wanted)) {
      throw new XdpkitError('USAGE', `there is no program type "${wanted}"`, {
        hint: `There are ${Object.keys(programTypes).join(', ')}.`,
      });
    }
    const all = [...listPrograms()];
    const programs = all.filter(({ type }) => wanted === undefined || type === wanted);
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
          { title: 'LOADED' },
          { title: 'MAPS' },
          { title: 'HELD BY' },
        ],
        listed.map(({ program, holders }) => [
          String(program.id),
          program.type,
          program.fullName || '-',
          formatTime(program.loadedAt),
          program.mapIds.join(', ') || '-',
          describeHolders(holders).join(', ') || '-',
        ]),
      );
    }
    output.document({ programs: listed.map(({ program, holders }) => programDocument(program, holders)) });
    return undefined;
  },
});
