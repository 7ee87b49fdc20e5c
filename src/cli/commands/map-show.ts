import { defineCommand } from '../command.js';
import { mapDocument } from '../map-documents.js';
import { mapParameter } from '../map-flags.js';
import { formatBytes } from '../units.js';

export const mapShow = defineCommand<Record<never, never>, [map: string]>({
  brief: 'Show a map: its shape and types, where it is pinned, and who uses it',
  parameters: { positional: { kind: 'tuple', parameters: [mapParameter] } },
  async run({ output }, reference) {
    const { findMap } = await import('../../kernel/find-map.js');
    const { describeMap } = await import('../../kernel/list-maps.js');
    const { readMapText } = await import('../../kernel/map-text.js');
    const { listMapUsers } = await import('../../kernel/map-users.js');
    const { pinPathsOf } = await import('../../kernel/pin-index.js');
    const { listHoldingProcesses } = await import('../../kernel/processes.js');
    using map = findMap(reference);
    const described = describeMap(map.fd);
    const { id, type, fullName, name, keySize, valueSize, maxEntries, flags, mapExtra, memoryBytes, frozen } =
      described;
    const { keyType, valueType, perCpu } = readMapText(map);
    const pins = pinPathsOf('map').get(id) ?? [];
    const programs = listMapUsers(id);
    const processes = listHoldingProcesses('map', id);
    output.print(`map ${id}: ${fullName || 'without a name'}, ${type}`);
    if (fullName !== name) output.print(`  in the kernel  ${name}`);
    output.print(`  key            ${keySize} bytes${keyType === undefined ? '' : `, ${keyType}`}`);
    output.print(
      `  value          ${valueSize} bytes${perCpu ? ' a CPU' : ''}${valueType === undefined ? '' : `, ${valueType}`}`,
    );
    output.print(`  entries        at most ${maxEntries}`);
    if (memoryBytes !== undefined) output.print(`  memory         ${formatBytes(memoryBytes)}`);
    if (flags !== 0) output.print(`  flags          0x${flags.toString(16)}`);
    if (mapExtra !== 0n) output.print(`  extra          ${mapExtra}`);
    if (frozen) output.print('  frozen         user space can no longer write to it');
    for (const path of pins) output.print(`  pinned at      ${path}`);
    for (const each of programs)
      output.print(`  used by        program ${each.id}, ${each.name || '-'} (${each.type})`);
    for (const { pid, command } of processes) output.print(`  held by        process ${pid} (${command})`);
    output.document({
      ...mapDocument(described, pins),
      keyType: keyType ?? null,
      valueType: valueType ?? null,
      programs,
      processes,
    });
    return undefined;
  },
});
