/** What /proc/self/fdinfo tells of a BPF descriptor, and BPF_OBJ_GET_INFO_BY_FD does not. */
import { readFileSync } from 'node:fs';

export interface MapMemory {
  /** Bytes that the kernel counts for the map; before Linux 5.11 what it locks. */
  readonly memoryBytes: number | undefined;
  /** Whether user space may no longer write. Undefined before Linux 5.2. */
  readonly frozen: boolean | undefined;
}

export function readMapMemory(fd: number): MapMemory {
  const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
  const number = (field: string): number | undefined => {
    const digits = new RegExp(`^${field}:\\s*(\\d+)$`, 'm').exec(text)?.[1];
    return digits === undefined ? undefined : Number(digits);
  };
  const frozen = number('frozen');
  return { memoryBytes: number('memlock'), frozen: frozen === undefined ? undefined : frozen === 1 };
}
