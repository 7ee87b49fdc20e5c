import { defineCommand } from '../command.js';
import { describeHolders, programDocument } from '../program-documents.js';
import { programParameter } from '../program-parameters.js';
import { formatCount, formatDuration, formatTime } from '../units.js';

export const progShow = defineCommand<Record<never, never>, [string]>({
  brief: 'Show all that the kernel tells of a program',
  parameters: { positional: { kind: 'tuple', parameters: [programParameter] } },
  async run({ output }, reference) {
    const { findProgram } = await import('../../kernel/find-program.js');
    const { describeProgram } = await import('../../kernel/list-programs.js');
    const { describeMaps } = await import('../../kernel/program-maps.js');
    const { readProgramHolders } = await import('../../xdp/program-holders.js');
    using found = findProgram(reference);
    const program = describeProgram(found.fd);
    const maps = describeMaps(program.mapIds);
    const holders = readProgramHolders()(program.id);
    const rows: (readonly [title: string, text: string])[] = [
      ['program', `${program.fullName || '-'} (id ${program.id}, ${program.type})`],
      ['kernel name', program.name || '-'],
      ['tag', program.tag],
      ['loaded', `${formatTime(program.loadedAt)} by user ${program.createdByUid}`],
      ['licence', program.gplCompatible ? 'compatible with the GPL' : 'not compatible with the GPL'],
      ['translated', `${program.translatedSize} bytes, ${program.translatedSize / 8} instructions`],
      ['machine code', program.jitedSize > 0 ? `${program.jitedSize} bytes` : 'none: the kernel interprets it'],
      [
        'verified',
        program.verifiedInstructions > 0 ? `${formatCount(program.verifiedInstructions)} instructions` : '-',
      ],
      ['types', program.btfId > 0 ? `BTF ${program.btfId}` : 'none (no BTF)'],
      ['runs', describeRuns(program)],
    ];
    for (const [title, text] of rows) output.print(`${title.padEnd(14)}${text}`);
    for (const { id, name, type } of maps) output.print(`${'map'.padEnd(14)}${name || '-'} (id ${id}, ${type})`);
    const held = describeHolders(holders);
    for (const text of held) output.print(`${'held by'.padEnd(14)}${text}`);
    if (held.length === 0) output.print(`${'held by'.padEnd(14)}nothing that could be found`);
    output.document({ ...programDocument(program, holders), maps });
    return undefined;
  },
});

function describeRuns({ runCount, runTime }: { readonly runCount: bigint; readonly runTime: bigint }): string {
  if (runCount === 0n) return 'not counted (sysctl kernel.bpf_stats_enabled=1 does, from then on)';
  const each = formatDuration(Number(runTime) / Number(runCount) / 1e9);
  return `${formatCount(runCount)}, ${each} each, counted while kernel.bpf_stats_enabled was set`;
}
