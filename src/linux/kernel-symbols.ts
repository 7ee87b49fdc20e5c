/** Names of the kernel's functions by their addresses: /proc/kallsyms, which shows addresses to CAP_SYSLOG only. */
import { readFileSync } from 'node:fs';

export interface KernelSymbols {
  /** The first symbol of that name; undefined where there is none or addresses are hidden. */
  address(name: string): bigint | undefined;
  /** The first symbol at exactly that address. */
  nameAt(address: bigint): string | undefined;
}

/** The file has some ten megabytes: it is searched as bytes, and only what is asked for is decoded. */
export function readKernelSymbols(): KernelSymbols {
  const text = readSymbolFile();
  const lineAround = (at: number): string[] => {
    const end = text.indexOf('\n', at);
    return text.toString('latin1', text.lastIndexOf('\n', at - 1) + 1, end === -1 ? undefined : end).split(/\s+/);
  };
  return {
    address(name) {
      const at = text.indexOf(` ${name}\n`);
      const address = at === -1 ? 0n : BigInt(`0x${lineAround(at)[0]}`);
      return address === 0n ? undefined : address;
    },
    nameAt(address) {
      const line = `${BigInt.asUintN(64, address).toString(16).padStart(16, '0')} `;
      const at = text.subarray(0, line.length).equals(Buffer.from(line)) ? 0 : text.indexOf(`\n${line}`);
      return at === -1 ? undefined : lineAround(at + 1)[2];
    },
  };
}

/** Absent in a kernel without CONFIG_KALLSYMS: then nothing has a name. */
function readSymbolFile(): Buffer {
  try {
    return readFileSync('/proc/kallsyms');
  } catch {
    return Buffer.alloc(0);
  }
}
