/** Peak memory of a process that loads an object with CO-RE, over that of an empty Node. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compileCoreObject } from './object-rows.js';
import { spreadOf } from './rounds.js';
import { absoluteResult, type BenchContext, type RowGroup } from './row.js';

const run = promisify(execFile);
const names = ['koffi, peak memory', 'imports, peak memory', 'CO-RE load, peak memory'] as const;

export const memoryRows: RowGroup = {
  names,
  async *measure(context, wanted) {
    const path = await compileCoreObject(context.root);
    const urlOf = (module: string) => JSON.stringify(import.meta.resolve(module));
    const inNode = (script: string) => ['--input-type=module', '-e', script];
    const commands: Readonly<Record<(typeof names)[number], readonly string[]>> = {
      'koffi, peak memory': inNode(`import ${urlOf('koffi')};`),
      'imports, peak memory': inNode(`import ${urlOf('../lib/index.js')};`),
      'CO-RE load, peak memory': [fileURLToPath(new URL('./first-load.js', import.meta.url)), path],
    };
    for (const name of names) {
      if (!wanted(name)) continue;
      const differences: number[] = [];
      for (let round = 0; round < context.rounds.rounds; round += 1) {
        const idle = await peakMegabytes(context, inNode('0'));
        differences.push((await peakMegabytes(context, commands[name])) - idle);
      }
      const { median } = spreadOf(differences);
      yield absoluteResult(name, 'MB', median, name === 'CO-RE load, peak memory' ? 20 : undefined);
    }
  },
};

async function peakMegabytes({ measure, signal }: BenchContext, words: readonly string[]): Promise<number> {
  signal.throwIfAborted();
  const { stdout } = await run(measure, [process.execPath, ...words]);
  const [, kibibytes = Number.NaN, status = 1] = stdout.split(' ').map(Number);
  if (status !== 0) throw new Error(`node ${words.join(' ')} ended with exit code ${status}`);
  return (kibibytes * 1024) / 1e6;
}
