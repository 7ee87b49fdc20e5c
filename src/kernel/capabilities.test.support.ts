import { execFileSync } from 'node:child_process';

/**
 * Runs the module `code` in a process that has only `capabilities`, and gives what it printed as JSON. Its imports are
 * resolved against `base`, an `import.meta.url`. It keeps the user's id, so that it may read the files of a checkout
 * that nobody else may; the kernel decides about BPF by capabilities alone.
 */
export function runWithCapabilities(capabilities: readonly string[], base: string, code: string): unknown {
  const kept = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  const resolved = code.replace(/import\('(\.[^']+)'\)/g, (_, path: string) => `import('${new URL(path, base).href}')`);
  const words = [`--bounding-set=${kept}`, '--inh-caps=-all', process.execPath, '--input-type=module', '-e', resolved];
  return JSON.parse(execFileSync('setpriv', words, { encoding: 'utf8', timeout: 60_000 }));
}
