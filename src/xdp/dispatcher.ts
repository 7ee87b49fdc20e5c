/**
 * libxdp's dispatcher: an XDP program with ten functions that do nothing, each of which a member replaces (`freplace`,
 * which needs trampolines). Source: xdp-tools `lib/libxdp/protocol.org`, and what its releases do beyond that.
 */
import { mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { XdpkitError } from '../errors/error.js';
import { type ProgramInfo, readInfo, readLinkInfo, readMapInfo } from '../kernel/info.js';
import { listIds, openById } from '../kernel/iterate.js';
import { readKernelBtf } from '../kernel/kernel-btf.js';
import { describeProgram } from '../kernel/list-programs.js';
import { openMap } from '../kernel/map-create.js';
import { openPinned } from '../kernel/pin.js';
import type { FileDescriptor } from '../linux/file-descriptor.js';
import { lockFolder } from '../linux/folder-lock.js';
import { type DispatcherConfig, type DispatcherSlot, decodeDispatcherConfig } from './dispatcher-config.js';

export const dispatcherName = 'xdp_dispatcher';
const root = '/sys/fs/bpf/xdp';
const onlyKey = new Uint8Array(4);

export interface Dispatcher {
  /** What its map says; undefined where that cannot be read, or is no such thing. */
  readonly config: DispatcherConfig | undefined;
  /** `/sys/fs/bpf/xdp/dispatch-IFINDEX-PROGRAMID`; undefined where libxdp keeps none. */
  readonly folder: string | undefined;
  /** In the order in which they run. */
  readonly members: readonly DispatcherMember[];
}

export interface DispatcherMember {
  /** Its function in the dispatcher, from 0. */
  readonly slot: number;
  /** Undefined where the dispatcher's map does not tell of it. */
  readonly settings: DispatcherSlot | undefined;
  /** By its full name. Undefined where neither a pin nor a link leads to it. */
  readonly program: ProgramInfo | undefined;
  /** Where its program is pinned. */
  readonly pin: string | undefined;
  /** The link that puts it into the dispatcher. */
  readonly linkId: number | undefined;
}

/** Of the dispatcher with this id on the device of that index. Needs CAP_SYS_ADMIN. */
export function readDispatcher(ifindex: number, programId: number): Dispatcher {
  const config = readConfig(programId);
  const path = join(root, `dispatch-${ifindex}-${programId}`);
  const pins = namesIn(path);
  const found = pins ? pinnedMembers(path, pins) : linkedMembers(programId);
  const slots = [...new Set([...(config?.members ?? []).keys(), ...found.keys()])].sort((a, b) => a - b);
  const members = slots.map((slot): DispatcherMember => {
    const { program, pin, linkId } = found.get(slot) ?? {};
    return { slot, settings: config?.members?.[slot], program, pin, linkId };
  });
  return { config, folder: pins && path, members };
}

function readConfig(programId: number): DispatcherConfig | undefined {
  using program = openById('program', programId);
  const [id, ...others] = program ? describeProgram(program.number).mapIds : [];
  const fd = id === undefined || others.length > 0 ? undefined : openById('map', id);
  if (fd === undefined) return undefined;
  using map = openMap(fd);
  const { type, keySize, maxEntries } = readMapInfo(map.fd);
  if (type !== 'array' || keySize !== onlyKey.length || maxEntries !== 1) return undefined;
  const value = map.getBytes(onlyKey);
  return value && decodeDispatcherConfig(value, hostIsLittleEndian);
}

type Found = Partial<Pick<DispatcherMember, 'program' | 'pin' | 'linkId'>>;

/** `prog0-prog` is the first member's program, and `prog0-link` what puts it there. */
function pinnedMembers(folder: string, pins: readonly string[]): Map<number, Found> {
  const found = new Map<number, Found>();
  for (const name of pins) {
    const [, slot, kind] = /^prog(\d+)-(prog|link)$/.exec(name) ?? [];
    if (slot === undefined) continue;
    const pin = join(folder, name);
    using fd = openPinned(pin, `${kind === 'prog' ? 'program' : 'link'} of a dispatcher`);
    if (fd === undefined) continue;
    const known = kind === 'prog' ? { program: programOf(fd.number), pin } : { linkId: readLinkInfo(fd.number).id };
    found.set(Number(slot), { ...found.get(Number(slot)), ...known });
  }
  return found;
}

const linkInfoSize = 64;

/** Without pins, the links of extensions tell in which function of which program they are. */
function linkedMembers(dispatcherId: number): Map<number, Found> {
  const found = new Map<number, Found>();
  for (const id of listIds('link')) {
    using link = openById('link', id);
    if (link === undefined) continue;
    const { type, programId } = readLinkInfo(link.number);
    if (type !== 'tracing') continue;
    // struct bpf_link_info: tracing.target_obj_id 20, tracing.target_btf_id 24
    const info = readInfo(link.number, linkInfoSize, 'link');
    using member = openById('program', programId);
    const program = member && programOf(member.number);
    // What other tracing programs are in may be the kernel, whose types have ids as programs do.
    if (program?.type !== 'ext' || info.getU32(20) !== dispatcherId) continue;
    const slot = slotOf(dispatcherId, info.getU32(24));
    if (slot !== undefined) found.set(slot, { program, linkId: id });
  }
  return found;
}

/** Several members replace `prog0`, `prog1`, …; a single one replaces the dispatcher as a whole. */
function slotOf(dispatcherId: number, functionId: number): number | undefined {
  using dispatcher = openById('program', dispatcherId);
  const name = dispatcher && readKernelBtf(describeProgram(dispatcher.number).btfId)?.type(functionId).name;
  if (name === dispatcherName) return 0;
  const number = /^prog(\d+)$/.exec(name ?? '')?.[1];
  return number === undefined ? undefined : Number(number);
}

function programOf(fd: number): ProgramInfo {
  const { fullName, ...info } = describeProgram(fd);
  return { ...info, name: fullName };
}

/** For sentences: its members by name, `?` for those that nothing leads to. */
export function dispatcherMemberNames({ members }: Dispatcher): string[] {
  return members.map(({ program }) => program?.name ?? '?');
}

/** What libxdp itself holds while it changes a dispatcher, until it is closed. Errors: FAILED, NOT_PERMITTED. */
export function lockDispatchers(): FileDescriptor {
  return lockFolder(openRoot(), root, 'changing a dispatcher of libxdp');
}

function openRoot(): number {
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    return openSync(root, 'r');
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const isForbidden = ['EACCES', 'EPERM'].includes(code);
    throw new XdpkitError(isForbidden ? 'NOT_PERMITTED' : 'FAILED', `lock ${root}: ${message}`, { cause });
  }
}

/** After the dispatcher was taken off its device: its members live only by these pins. Only under `lockDispatchers`. */
export function removeDispatcherFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

function namesIn(folder: string): string[] | undefined {
  try {
    return readdirSync(folder);
  } catch {
    return undefined;
  }
}
