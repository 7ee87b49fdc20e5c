/** What the kernel holds of BPF, as bpftool tells it: for tests that must leave nothing behind. */
import { execFileSync } from 'node:child_process';

export function bpftool(...words: string[]): unknown {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  return JSON.parse(execFileSync('bpftool', ['-j', ...words], { encoding: 'utf8', env, maxBuffer: 1 << 26 }) || '[]');
}

interface Shown {
  readonly id: number;
  readonly name?: string;
}

/**
 * Programs and maps whose name has `part` in it, "map x 7". Others may come and go meanwhile on a shared machine, so
 * that tests look for names of their own.
 */
export function namesInKernel(part: string): string[] {
  return (['map', 'prog'] as const).flatMap((kind) =>
    (bpftool(kind, 'show') as Shown[])
      .filter(({ name }) => name?.includes(part))
      .map(({ id, name }) => `${kind} ${name} ${id}`),
  );
}

/** As `namesInKernel`, once the kernel, which frees programs and what they use later, had time for it. */
export function leftInKernel(part: string): string[] {
  let names = namesInKernel(part);
  for (let attempt = 0; names.length > 0 && attempt < 50; attempt += 1) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    names = namesInKernel(part);
  }
  return names;
}

let count = 0;

/** A name that nothing else in the kernel has, short enough that a letter or two fit behind it. */
export function uniqueName(): string {
  return `t${process.pid.toString(36)}_${(count++).toString(36)}`;
}

/** The code, a colon and the message of the error that `run` throws. */
export function refusalOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
  throw new Error('nothing was refused');
}
