/** What the kernel holds, and who holds each of it directly: gathered in one go. */
import { type HeldDescriptor, listHeldDescriptors } from '../kernel/held-descriptors.js';
import { listMaps } from '../kernel/list-maps.js';
import { listPrograms } from '../kernel/list-programs.js';
import type { PinKind } from '../kernel/pin.js';
import { describeTarget } from '../xdp/list-links.js';
import { listCgroupPrograms, listCgroups } from './cgroups.js';
import { readDevices } from './devices.js';
import { heldByMap } from './entries.js';
import { type HoldingLink, listHoldingLinks } from './links.js';
import { listAllPins } from './pins.js';
import type { Hold, KernelObject, Root } from './reference.js';

export type DirectHolder =
  | { readonly root: Root; readonly descriptors: readonly HeldDescriptor[] }
  | { readonly holder: { readonly kind: PinKind; readonly id: number }; readonly hold: Hold };

export interface Scan {
  object(kind: PinKind, id: number): KernelObject | undefined;
  holders(kind: PinKind, id: number): readonly DirectHolder[];
}

/** Errors: `NOT_PERMITTED` without CAP_SYS_ADMIN. */
export function scanKernel(): Scan {
  // First of all: what is opened from here on is not the caller's.
  const descriptors = listHeldDescriptors(['program', 'map', 'link']);
  const objects = new Map<string, KernelObject>();
  const holders = new Map<string, DirectHolder[]>();
  const hold = (kind: PinKind, id: number, holder: DirectHolder): void => {
    const key = keyOf(kind, id);
    const known = holders.get(key);
    if (known === undefined) holders.set(key, [holder]);
    else known.push(holder);
  };
  for (const { path, kind, id, mountNamespaceOf } of listAllPins()) {
    hold(kind, id, { root: { by: 'pin', path, mountNamespaceOf }, descriptors: [] });
  }
  const programs = [...listPrograms()];
  for (const { id, type, fullName: name, mapIds } of programs) {
    objects.set(keyOf('program', id), { kind: 'program', id, name, type });
    for (const map of mapIds) hold('map', map, { holder: { kind: 'program', id }, hold: { how: 'uses' } });
  }
  const links = listHoldingLinks((id) => objects.get(keyOf('program', id))?.type);
  const { roots, ofLinks } = readDevices();
  const cgroups = listCgroups();
  for (const link of links) {
    const { id, type, programId, mapId, targetProgramId } = link;
    const holder = { kind: 'link', id } as const;
    const attaches = { how: 'attaches', target: targetOf(link, ofLinks, cgroups) } as const;
    objects.set(keyOf('link', id), { kind: 'link', id, name: '', type });
    if (programId !== 0) hold('program', programId, { holder, hold: attaches });
    if (mapId !== undefined) hold('map', mapId, { holder, hold: { how: 'targets' } });
    if (targetProgramId !== undefined) hold('program', targetProgramId, { holder, hold: { how: 'targets' } });
  }
  for (const map of listMaps()) {
    objects.set(keyOf('map', map.id), { kind: 'map', id: map.id, name: map.fullName, type: map.type });
    for (const { kind, id, hold: how } of heldByMap(map)) {
      hold(kind, id, { holder: { kind: 'map', id: map.id }, hold: how });
    }
  }
  for (const { programId, root } of roots) hold('program', programId, { root, descriptors: [] });
  for (const { programId, path, attachType } of listCgroupPrograms(cgroups, countLinks(links))) {
    hold('program', programId, { root: { by: 'cgroup', path, attachType }, descriptors: [] });
  }
  for (const [first, ...others] of byProcess(descriptors)) {
    const { pid, command, kind, id, of } = first;
    const held = [first, ...others];
    const fds = held.map(({ fd }) => fd);
    hold(kind, id, { root: { by: 'process', pid, command, fds, of }, descriptors: held });
  }
  return {
    object: (kind, id) => objects.get(keyOf(kind, id)),
    holders: (kind, id) => holders.get(keyOf(kind, id)) ?? [],
  };
}

export function keyOf(kind: PinKind, id: number): string {
  return `${kind} ${id}`;
}

function targetOf(
  { id, type, target, mapId }: HoldingLink,
  ofLinks: ReadonlyMap<number, string>,
  cgroups: ReadonlyMap<bigint, string>,
): string {
  const path = target.kind === 'cgroup' ? cgroups.get(target.cgroupId) : undefined;
  if (path !== undefined && target.kind === 'cgroup') return `${path}, ${target.attachType}`;
  if (target.kind === 'other') return mapId === undefined ? '' : `map ${mapId}`;
  return ofLinks.get(id) ?? describeTarget({ type, target, device: undefined });
}

function countLinks(links: readonly HoldingLink[]) {
  return (cgroupId: bigint, attachType: string, programId: number): number =>
    links.filter(
      ({ target, programId: of }) =>
        of === programId &&
        target.kind === 'cgroup' &&
        target.cgroupId === cgroupId &&
        target.attachType === attachType,
    ).length;
}

/** The descriptors of one process for one object together. */
function byProcess(descriptors: readonly HeldDescriptor[]): [HeldDescriptor, ...HeldDescriptor[]][] {
  const groups = new Map<string, [HeldDescriptor, ...HeldDescriptor[]]>();
  for (const each of descriptors) {
    const key = `${each.pid} ${each.of} ${keyOf(each.kind, each.id)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [each]);
    else group.push(each);
  }
  return [...groups.values()];
}
