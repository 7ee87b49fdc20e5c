/** A reporter of node:test whose lines the machine outside reads. */
import { inspect } from 'node:util';

// biome-ignore lint/style/noDefaultExport: node:test takes a reporter from there.
export default async function* reporter(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { name, nesting, skip, todo, details } = data;
    // A file that fails to load is a failed test too; of a failed group its members tell more.
    const error = type === 'test:fail' ? inspect(details.error?.cause ?? details.error).slice(0, 6000) : undefined;
    yield `${JSON.stringify({ type, name, nesting, skip, todo, milliseconds: details.duration_ms, error })}\n`;
  }
}
