/** Clang's diagnostics as errors that name what to do. */
import { XdpkitError } from '../errors/error.js';

/** Which Debian package brings the headers that BPF C includes. */
const packagesOfHeaders: readonly { readonly header: RegExp; readonly debianPackage: string }[] = [
  { header: /^bpf\//, debianPackage: 'libbpf-dev' },
  { header: /^xdp\//, debianPackage: 'libxdp-dev' },
  { header: /^(asm|asm-generic|linux)\//, debianPackage: 'linux-libc-dev' },
  { header: /^(bits|gnu|sys)\/|^(features|stdint|stdio|stdlib|string)\.h$/, debianPackage: 'libc6-dev' },
];

/** The error for a run of clang on `source` that failed with `output` on stderr. */
export function compileError(source: string, clang: string, output: string): XdpkitError {
  const log = output.trimEnd();
  if (/unknown target triple|unable to create target|No available targets/.test(output)) {
    const hint = 'install another one with `apt install clang`, or name one in the environment variable CLANG';
    return new XdpkitError('TOOL_MISSING', `${clang} was built without the BPF target`, { hint, log });
  }
  const header = /fatal error: '([^']+)' file not found/.exec(output)?.[1];
  const debianPackage = packagesOfHeaders.find(
    (entry) => header !== undefined && entry.header.test(header),
  )?.debianPackage;
  if (debianPackage !== undefined) {
    const message = `cannot compile '${source}': the header ${header} is not installed`;
    return new XdpkitError('TOOL_MISSING', message, { hint: `install it with \`apt install ${debianPackage}\``, log });
  }
  return new XdpkitError('COMPILE_FAILED', `cannot compile '${source}': ${firstError(output)}`, { log });
}

function firstError(output: string): string {
  const located = /^(.+:\d+):\d+: (?:fatal )?error: (.*)$/m.exec(output);
  if (located !== null) return `${located[1]}: ${located[2]}`;
  return /error: (.*)/.exec(output)?.[1] ?? 'clang failed without saying why';
}
