import { Cursor, readCString } from '../bytes/cursor.js';
import { addressOf } from './ffi.js';
import { FileDescriptor } from './file-descriptor.js';
import { isErrno } from './syscall-error.js';
import { mustCall } from './syscalls.js';

/** The ethtool ioctl, on devices of the present network namespace. Source: Linux `include/uapi/linux/ethtool.h`. */
const siocEthtool = 0x8946;
const command = { getDriverInfo: 0x3, getGro: 0x2b, setGro: 0x2c } as const;

const requestSize = 40;
const nameSize = 16;
const driverInfoSize = 196;

export interface DriverInfo {
  /** `veth`, `mlx5_core`, `virtio_net`. */
  readonly driver: string;
  readonly version: string;
  readonly firmware: string;
  /** `0000:00:04.0`; empty for virtual devices. */
  readonly bus: string;
}

/** Which driver runs a device; undefined where the device does not tell or does not exist. */
export function readDriver(device: string): DriverInfo | undefined {
  let answer: Uint8Array;
  try {
    answer = ethtool(device, `ask device ${device} for its driver`, command.getDriverInfo, driverInfoSize);
  } catch (error) {
    if (isErrno(error, 'EOPNOTSUPP', 'ENODEV')) return undefined;
    throw error;
  }
  const cursor = new Cursor(answer, 'ethtool driver information').skip(4);
  const text = (): string => readCString(Uint8Array.of(...cursor.take(32), 0), 0, cursor.where);
  return { driver: text(), version: text(), firmware: text(), bus: text() };
}

/** Whether a device gathers received packets (generic receive offload). */
export function readGro(device: string): boolean {
  const answer = ethtool(device, `read GRO of device ${device}`, command.getGro, 8);
  return new Cursor(answer, 'ethtool value').skip(4).u32() !== 0;
}

/** Switches generic receive offload; on a veth it also starts NAPI, which redirects into it need. */
export function setGro(device: string, on: boolean): void {
  ethtool(device, `switch GRO of device ${device} ${on ? 'on' : 'off'}`, command.setGro, 8, on ? 1 : 0);
}

function ethtool(device: string, tried: string, number: number, size: number, value = 0): Uint8Array {
  using socket = new FileDescriptor(mustCall('socket', tried, [2, 2 | 0o2000000, 0]), 'socket for ethtool');
  // struct ifreq and, behind it, what it points to: one buffer, so that one reference keeps both.
  const bytes = new Uint8Array(requestSize + size);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from(device).subarray(0, nameSize - 1));
  view.setBigUint64(nameSize, addressOf(bytes) + BigInt(requestSize), true);
  view.setUint32(requestSize, number, true);
  if (size >= 8) view.setUint32(requestSize + 4, value, true);
  mustCall('ioctl', tried, [socket.number, siocEthtool, bytes], { capability: 'CAP_NET_ADMIN' });
  return bytes.subarray(requestSize);
}
