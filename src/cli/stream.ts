/** Long results, written as they come: neither all in memory, nor a system call a line. */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Context } from './context.js';
import { toJson } from './json.js';

type Target = Pick<Context, 'stdout' | 'signal'>;

/** Characters. */
const chunkLength = 64 * 1024;

export async function writeLines(target: Target, lines: Iterable<string>): Promise<void> {
  await writeChunks(
    target,
    (function* () {
      for (const line of lines) yield `${line}\n`;
    })(),
  );
}

/** One JSON document on one line. */
export async function writeDocument(
  target: Target,
  head: object,
  member: string,
  items: Iterable<unknown>,
): Promise<void> {
  await writeChunks(target, documentText(head, member, items));
}

function* documentText(head: object, member: string, items: Iterable<unknown>): Generator<string> {
  const members = toJson(head).slice(1, -1);
  yield `{${members}${members && ','}${JSON.stringify(member)}:[`;
  let separator = '';
  for (const item of items) {
    yield separator + toJson(item);
    separator = ',';
  }
  yield ']}\n';
}

async function writeChunks({ stdout, signal }: Target, texts: Iterable<string>): Promise<void> {
  let chunk = '';
  for (const text of texts) {
    chunk += text;
    if (chunk.length < chunkLength) continue;
    stdout.write(chunk);
    chunk = '';
    // Signals, and a reader that went away, are only seen between two turns of the event loop.
    await breathe();
    if (signal.aborted) return;
  }
  stdout.write(chunk);
}
