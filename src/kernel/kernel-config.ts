/** What the running kernel was built with: `/boot/config-RELEASE`, or `/proc/config.gz`, in this order as in libbpf. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release, version } from 'node:os';
import { XdpkitError } from '../errors/error.js';

export interface ConfigSource {
  /** The file's path; "the given text" for text. */
  readonly where: string;
  readonly text: string;
}

export interface KernelConfig {
  /** In the order in which they are asked. */
  readonly sources: readonly ConfigSource[];
  /** The files that were looked for and not found, with the reason. */
  readonly missing: readonly string[];
}

/** `given` is asked first: text of `CONFIG_…=…` lines, or the path of a file of it. Errors: `FILE_NOT_FOUND`. */
export function readKernelConfig(given: string | undefined): KernelConfig {
  const sources: ConfigSource[] = given === undefined ? [] : [readGiven(given)];
  const missing: string[] = [];
  for (const path of [`/boot/config-${release()}`, '/proc/config.gz']) {
    try {
      sources.push({ where: path, text: readConfigFile(path) });
      break;
    } catch (error) {
      missing.push(`${path} (${(error as NodeJS.ErrnoException).code ?? error})`);
    }
  }
  return { sources, missing };
}

function readGiven(given: string): ConfigSource {
  if (/^\s*(#|CONFIG_\w+=)/m.test(given)) return { where: 'the given text', text: given };
  try {
    return { where: given, text: readConfigFile(given) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new XdpkitError('FILE_NOT_FOUND', `cannot read the kernel's configuration from ${given}: ${why}`, {
      hint: 'kernelConfig is a path, or text of lines such as CONFIG_HZ=250.',
      cause,
    });
  }
}

function readConfigFile(path: string): string {
  const bytes = readFileSync(path);
  const isCompressed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (!isCompressed) return bytes.toString('utf8');
  // A megabyte that hardly any load needs, and loads do not wait: no import could bring it.
  const { gunzipSync } = createRequire(import.meta.url)('node:zlib') as typeof import('node:zlib');
  return gunzipSync(bytes).toString('utf8');
}

/**
 * LINUX_KERNEL_VERSION as the kernel's headers count it, a byte for each part of 6.1.158. Distributions that call all
 * releases of a series the same (Debian, Ubuntu) tell the real one elsewhere.
 */
export function kernelVersionCode(): number {
  const [major = 0, minor = 0, patch = 0] = realRelease().split('.').map(Number);
  return ((major << 16) | (minor << 8) | Math.min(patch, 255)) >>> 0;
}

function realRelease(): string {
  const debian = / Debian (\d+\.\d+\.\d+)/.exec(version())?.[1];
  if (debian !== undefined) return debian;
  try {
    const ubuntu = /(\d+\.\d+\.\d+)\s*$/.exec(readFileSync('/proc/version_signature', 'utf8'))?.[1];
    if (ubuntu !== undefined) return ubuntu;
  } catch {
    // Only Ubuntu has it.
  }
  return /^\d+\.\d+(\.\d+)?/.exec(release())?.[0] ?? '0.0.0';
}
