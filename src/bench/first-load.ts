/** Opens and loads the object that is named once, through the package's entry, and prints the nanoseconds that took. */
import { readFileSync, writeSync } from 'node:fs';
import type * as Library from '../index.js';

// What `import … from 'xdpkit'` gives.
const { parseObject } = (await import(new URL('../lib/index.js', import.meta.url).href)) as typeof Library;

const path = process.argv[2] ?? '';
const bytes = readFileSync(path);
const start = process.hrtime.bigint();
parseObject(bytes, path).load()[Symbol.dispose]();
// A console would take half a megabyte of the memory that is measured.
writeSync(1, `${process.hrtime.bigint() - start}\n`);
