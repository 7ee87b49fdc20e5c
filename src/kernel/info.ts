/** BPF_OBJ_GET_INFO_BY_FD: what the kernel tells of a program, map, link or BTF. Since Linux 4.13. */
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { bootTime } from '../linux/clock.js';
import { attachTypes, commands, linkTypes, mapTypes, programTypes } from '../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError } from './bpf.js';

export interface ProgramInfo {
  readonly id: number;
  /** Kernel name of the type (`xdp`, `sched_cls`), `type 99` for one that is not known here. */
  readonly type: string;
  /** At most 15 bytes. */
  readonly name: string;
  /** SHA-1 of the instructions, cut to 8 bytes, as 16 hex digits. */
  readonly tag: string;
  /** When it was loaded, by this machine's clock. */
  readonly loadedAt: Date;
  readonly createdByUid: number;
  readonly mapIds: readonly number[];
  /** 0 when the program has none. */
  readonly btfId: number;
  /** Bytes of machine code; 0 when the JIT is off. */
  readonly jitedSize: number;
  /** Bytes of translated instructions. */
  readonly translatedSize: number;
  /** The device that the program is bound to (offload); 0 for none. */
  readonly ifindex: number;
  /** Whether its licence gives it the helpers that are for GPL code only. */
  readonly gplCompatible: boolean;
  /** How often it ran while `kernel.bpf_stats_enabled` was set, and nanoseconds that this took in all. Since Linux 5.1. */
  readonly runCount: bigint;
  readonly runTime: bigint;
  /** Instructions that the verifier walked through, all paths taken together; 0 before Linux 5.16. */
  readonly verifiedInstructions: number;
}

export interface MapInfo {
  readonly id: number;
  readonly type: string;
  readonly typeNumber: number;
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly btfId: number;
  readonly keyType: number;
  readonly valueType: number;
  readonly mapExtra: bigint;
}

export interface LinkInfo {
  readonly id: number;
  readonly type: string;
  readonly programId: number;
  /** For XDP links; 0 when the device is gone. */
  readonly ifindex: number | undefined;
}

const nameOf = (table: Readonly<Record<string, number>>): ((number: number) => string) => {
  const names = new Map(Object.entries(table).map(([name, number]) => [number, name]));
  return (number) => names.get(number) ?? `type ${number}`;
};

const mapTypeName = nameOf(mapTypes);
const programTypeName = nameOf(programTypes);
export const attachTypeName: (number: number) => string = nameOf(attachTypes);
const linkTypeName = nameOf(linkTypes);

const text = new TextDecoder();

function readName(bytes: Uint8Array, offset: number, size = 16): string {
  const field = bytes.subarray(offset, offset + size);
  const end = field.indexOf(0);
  return text.decode(end === -1 ? field : field.subarray(0, end));
}

/** Asks for `size` bytes of the object's info structure, whose pointers and sizes `prepare` has set. */
export function readInfo(fd: number, size: number, what: string, prepare?: (info: Attribute) => void): Attribute {
  const info = new Attribute(size);
  prepare?.(info);
  const attribute = new Attribute(16).u32(0, fd).u32(4, size).pointer(8, info.bytes);
  const result = bpf(commands.obj_get_info_by_fd, attribute);
  if (result < 0) throw bpfError(`read information on the ${what}`, -result);
  return info;
}

export const programInfoSize = 232;

/** struct bpf_prog_info. */
export function readProgramInfo(fd: number): ProgramInfo {
  let info = readInfo(fd, programInfoSize, 'program');
  const mapCount = info.getU32(52);
  const mapIds = new Uint8Array(mapCount * 4);
  if (mapCount > 0) {
    info = readInfo(fd, programInfoSize, 'program', (again) => again.u32(52, mapCount).pointer(56, mapIds));
  }
  const ids = new DataView(mapIds.buffer);
  return {
    id: info.getU32(4),
    type: programTypeName(info.getU32(0)),
    name: readName(info.bytes, 64),
    tag: Buffer.from(info.bytes.subarray(8, 16)).toString('hex'),
    loadedAt: sinceBoot(info.view.getBigUint64(40, hostIsLittleEndian)),
    createdByUid: info.getU32(48),
    mapIds: Array.from({ length: Math.min(mapCount, info.getU32(52)) }, (_, index) =>
      ids.getUint32(index * 4, hostIsLittleEndian),
    ),
    btfId: info.getU32(128),
    jitedSize: info.getU32(16),
    translatedSize: info.getU32(20),
    ifindex: info.getU32(80),
    gplCompatible: (info.getU32(84) & 1) === 1,
    runTime: info.view.getBigUint64(192, hostIsLittleEndian),
    runCount: info.view.getBigUint64(200, hostIsLittleEndian),
    verifiedInstructions: info.getU32(216),
  };
}

/** The kernel counts from boot, suspension included. */
function sinceBoot(nanoseconds: bigint): Date {
  return new Date(bootTime() + Number(nanoseconds / 1_000_000n));
}

/** struct bpf_map_info. */
export function readMapInfo(fd: number): MapInfo {
  const info = readInfo(fd, 88, 'map');
  return {
    id: info.getU32(4),
    type: mapTypeName(info.getU32(0)),
    typeNumber: info.getU32(0),
    name: readName(info.bytes, 24),
    keySize: info.getU32(8),
    valueSize: info.getU32(12),
    maxEntries: info.getU32(16),
    flags: info.getU32(20),
    btfId: info.getU32(64),
    keyType: info.getU32(68),
    valueType: info.getU32(72),
    mapExtra: info.view.getBigUint64(80, hostIsLittleEndian),
  };
}

/** struct bpf_link_info. Since Linux 5.8. */
export function readLinkInfo(fd: number): LinkInfo {
  const info = readInfo(fd, 64, 'link');
  const type = linkTypeName(info.getU32(0));
  return {
    id: info.getU32(4),
    type,
    programId: info.getU32(8),
    ifindex: type === 'xdp' ? info.getU32(16) : undefined,
  };
}

/** The raw bytes of a loaded BTF. */
export function readBtfBytes(fd: number): Uint8Array {
  const size = readInfo(fd, 32, 'BTF').getU32(8);
  const bytes = new Uint8Array(new ArrayBuffer(size));
  readInfo(fd, 32, 'BTF', (info) => info.pointer(0, bytes).u32(8, size));
  return bytes;
}

/** The name of a loaded BTF: `vmlinux` or a module's where the kernel made it itself, undefined for any other. */
export function readKernelBtfName(fd: number): string | undefined {
  const name = new Uint8Array(new ArrayBuffer(64));
  // btf 0, btf_size 8, id 12, name 16, name_len 24, kernel_btf 28
  const info = readInfo(fd, 32, 'BTF', (attribute) => attribute.pointer(16, name).u32(24, name.length));
  return info.getU32(28) === 1 ? readName(name, 0, name.length) : undefined;
}
