/** Names of the kernel's functions by their addresses: /proc/kallsyms, which shows addresses to CAP_SYSLOG only. */
import { readFileSync } from 'node:fs';

export interface KernelSymbols {
  /** The first symbol of that name; undefined where there is none or addresses are hidden. */
  address(name: string): bigint | undefined;
  /** The addresses of all symbols of that name, each once; 0 where addresses are hidden. */
  addresses(name: string): bigint[];
  /** The first symbol at exactly that address. */
  nameAt(address: bigint): string | undefined;
  /** The function that an address lies in, modules' too, and how many bytes behind its start. The first call sorts all. */
  around(address: bigint): { readonly name: string; readonly offset: number } | undefined;
}

/** The file has some ten megabytes: it is searched as bytes, and only what is asked for is decoded. */
export function readKernelSymbols(): KernelSymbols {
  const text = readSymbolFile();
  let sorted: SortedSymbols | undefined;
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
    addresses(name) {
      const found = new Set<bigint>();
      const wanted = ` ${name}`;
      for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) {
        // Those of modules are followed by the module's name.
        const [address, , symbol] = lineAround(at);
        if (symbol === name) found.add(BigInt(`0x${address}`));
      }
      return [...found];
    },
    nameAt(address) {
      const line = `${BigInt.asUintN(64, address).toString(16).padStart(16, '0')} `;
      const at = text.subarray(0, line.length).equals(Buffer.from(line)) ? 0 : text.indexOf(`\n${line}`);
      return at === -1 ? undefined : lineAround(at + 1)[2];
    },
    around(address) {
      sorted ??= sortByAddress(text);
      const { starts, lines } = sorted;
      let low = 0;
      let high = starts.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((starts[middle] as bigint) <= address) low = middle + 1;
        else high = middle;
      }
      const start = starts[low - 1];
      // Far behind the last one is no function of the kernel; addresses of user space are below the first.
      if (start === undefined || start === 0n || address - start > longestFunction) return undefined;
      return { name: lineAround((lines[low - 1] as number) + 1)[2] ?? '', offset: Number(address - start) };
    },
  };
}

const longestFunction = 1n << 20n;

interface SortedSymbols {
  readonly starts: BigUint64Array;
  /** Where the line of each begins. */
  readonly lines: Uint32Array;
}

/** Symbols of code (`t`, `T`, `w`, `W`): the core's are sorted in the file, modules and programs follow it. */
function sortByAddress(text: Buffer): SortedSymbols {
  const found: [bigint, number][] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf(10, at);
    if (/[tTwW]/.test(String.fromCharCode(text[at + 17] ?? 0))) {
      found.push([BigInt(`0x${text.toString('latin1', at, at + 16)}`), at]);
    }
    if (end === -1) break;
    at = end + 1;
  }
  found.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return {
    starts: BigUint64Array.from(found, ([start]) => start),
    lines: Uint32Array.from(found, ([, line]) => line),
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
