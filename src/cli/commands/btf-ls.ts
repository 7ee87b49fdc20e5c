import { defineCommand } from '../command.js';

export const btfLs = defineCommand<Record<never, never>, []>({
  brief: "List the kernel's BTF: its own, its modules', and what came with programs and maps",
  parameters: {},
  async run({ output }) {
    const { listBtf } = await import('../../kernel/list-btf.js');
    const { indexHoldingProcesses } = await import('../../kernel/processes.js');
    const listed = listBtf();
    const processes = indexHoldingProcesses('BTF');
    if (listed.length === 0) output.print('the kernel has no BTF');
    else {
      await output.table(
        [
          { title: 'ID', align: 'right' },
          { title: 'NAME' },
          { title: 'ORIGIN' },
          { title: 'BYTES', align: 'right' },
          { title: 'PROGRAMS' },
          { title: 'MAPS' },
          { title: 'PROCESSES' },
        ],
        listed.map(({ id, name, origin, size, programs, maps }) => [
          String(id),
          name || '-',
          origin,
          String(size),
          programs.join(', ') || '-',
          maps.join(', ') || '-',
          (processes.get(id) ?? []).map(({ pid, command }) => `${command} (${pid})`).join(', ') || '-',
        ]),
      );
    }
    output.document({ btf: listed.map((each) => ({ ...each, processes: processes.get(each.id) ?? [] })) });
    return undefined;
  },
});
