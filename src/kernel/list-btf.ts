/** The BTF that the kernel has: its own, its modules', and what came with programs and maps. Since Linux 4.18. */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { readInfo, readMapInfo, readProgramInfo } from './info.js';
import { listIds, openById } from './iterate.js';

export interface BtfInfo {
  readonly id: number;
  /** `vmlinux`, a module's, or empty. Since Linux 5.11. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** `object`: loaded from user space, for programs and maps. */
  readonly origin: 'kernel' | 'module' | 'object';
}

export interface ListedBtf extends BtfInfo {
  /** Ids of the programs, and of the maps, whose types these are. */
  readonly programs: readonly number[];
  readonly maps: readonly number[];
}

const infoSize = 32;
const longestName = 64;

/** struct bpf_btf_info: btf 0, btf_size 8, id 12, name 16, name_len 24, kernel_btf 28. */
export function readBtfInfo(fd: number): BtfInfo {
  const name = new Uint8Array(new ArrayBuffer(longestName));
  const info = readInfo(fd, infoSize, 'BTF', (each) => each.pointer(16, name).u32(24, name.length));
  const text = new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
  const isKernels = info.view.getUint32(28, hostIsLittleEndian) === 1;
  const origin = isKernels ? (text === 'vmlinux' ? 'kernel' : 'module') : 'object';
  return { id: info.getU32(12), name: text, size: info.getU32(8), origin };
}

/** All by ascending id; what comes or goes meanwhile may be missed. Needs CAP_SYS_ADMIN. */
export function listBtf(): ListedBtf[] {
  const programs = usersByBtf('program', (fd) => readProgramInfo(fd));
  const maps = usersByBtf('map', (fd) => readMapInfo(fd));
  return [...listIds('BTF')].flatMap((id) => {
    using fd = openById('BTF', id);
    if (fd === undefined) return [];
    return [{ ...readBtfInfo(fd.number), programs: programs.get(id) ?? [], maps: maps.get(id) ?? [] }];
  });
}

function usersByBtf(
  kind: 'program' | 'map',
  read: (fd: number) => { readonly id: number; readonly btfId: number },
): Map<number, number[]> {
  const users = new Map<number, number[]>();
  for (const each of listIds(kind)) {
    using fd = openById(kind, each);
    if (fd === undefined) continue;
    const { id, btfId } = read(fd.number);
    if (btfId !== 0) users.set(btfId, [...(users.get(btfId) ?? []), id]);
  }
  return users;
}
