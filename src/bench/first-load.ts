/** Opens and loads the object that is named once, through the package's entry, and prints the nanoseconds that took. */
import { readFileSync } from 'node:fs';
import { parseObject } from '../index.js';

const path = process.argv[2] ?? '';
const bytes = readFileSync(path);
const start = process.hrtime.bigint();
parseObject(bytes, path).load()[Symbol.dispose]();
console.log(String(process.hrtime.bigint() - start));
