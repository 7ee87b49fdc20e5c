/** What a program in the kernel looks like in `--json`. Fields are only ever added. */
import type { ListedProgram } from '../kernel/list-programs.js';
import type { BpfProgram } from '../kernel/program.js';
import type { ProgramHolders } from '../xdp/program-holders.js';

export function programDocument(program: ListedProgram, { pins, links, devices, processes }: ProgramHolders) {
  return {
    id: program.id,
    type: program.type,
    name: program.fullName,
    kernelName: program.name,
    tag: program.tag,
    loadedAt: program.loadedAt.toISOString(),
    uid: program.createdByUid,
    gplCompatible: program.gplCompatible,
    translatedBytes: program.translatedSize,
    jitedBytes: program.jitedSize,
    verifiedInstructions: program.verifiedInstructions,
    mapIds: program.mapIds,
    btfId: program.btfId,
    runs: { count: program.runCount, nanoseconds: program.runTime },
    pins,
    links: links.map(({ id, type, ifindex }) => ({ id, type, ifindex: ifindex ?? null })),
    devices,
    processes,
  };
}

/** Which program something was done to. */
export function programReference({ id, name }: BpfProgram): { id: number; name: string } {
  return { id, name };
}

/** What holds a program, a phrase each. */
export function describeHolders({ pins, links, devices, processes }: ProgramHolders): string[] {
  return [
    ...pins.map((path) => `pin ${path}`),
    ...links.map(({ id, type }) => `${type} link ${id}`),
    ...devices.map(({ device, mode, netns }) => `${device} (${mode}) in ${netns}`),
    ...processes.map(({ pid, command }) => `process ${pid} (${command})`),
  ];
}
