/**
 * Holds the house's floors (CONTRIBUTING.md): no import climbs, the lower floors stay free of Node and the kernel, and
 * libc is called in one room only. Tests and their support (`x.test.ts`, `x.test.support.ts`) may use what stands above
 * them, to test with real objects; nothing else may import them.
 *
 *     node scripts/check-floors.mjs [FOLDER]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { root } from './build-state.mjs';

/** Rooms under src/, lowest floor first; a floor's rooms may import each other. */
const floors = [
  { floor: '0', rooms: ['errors', 'uapi', 'bytes', 'asm'], anywhere: true },
  { floor: '1', rooms: ['elf', 'btf', 'packet'], anywhere: true },
  { floor: '2a', rooms: ['object', 'values', 'verifier'], anywhere: true },
  { floor: '2b (libc)', rooms: ['linux'] },
  { floor: '2b', rooms: ['kernel'] },
  { floor: '3', rooms: ['xdp', 'lab', 'loader', 'chain'] },
  { floor: '4', rooms: ['stats', 'doctor', 'compile', 'refs', 'project', 'explain'] },
  { floor: 'entry', rooms: ['index.ts'] },
  { floor: '5', rooms: ['cli', 'demo', 'bench'] },
];

const source = resolve(process.argv[2] ?? join(root, 'src'));
const levelOf = new Map(floors.flatMap(({ rooms }, level) => rooms.map((room) => [room, level])));
const problems = readdirSync(source, { recursive: true })
  .filter((file) => file.endsWith('.ts'))
  .sort()
  .flatMap((file) => problemsOf(file));

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log('floors: no import climbs');

function problemsOf(file) {
  const room = roomOf(file);
  const level = levelOf.get(room);
  if (level === undefined) return [`${file}: room ${room} is not in the table of scripts/check-floors.mjs`];
  if (isTest(file)) return [];
  const text = readFileSync(join(source, file), 'utf8');
  return importsOf(text).flatMap(({ name, line }) => {
    const problem = name.startsWith('.') ? climbOf(file, level, name) : strangerOf(file, level, name);
    return problem === undefined ? [] : [`${file}:${line}: ${problem}`];
  });
}

function climbOf(file, level, name) {
  const target = relative(source, resolve(source, dirname(file), name.replace(/\.js$/, '.ts')));
  if (target.startsWith('..')) return `${name} leaves src`;
  if (isTest(target)) return `${target} is for tests`;
  const room = roomOf(target);
  const targetLevel = levelOf.get(room);
  if (targetLevel === undefined) return `${name} is in room ${room}, which is not in the table`;
  if (targetLevel <= level) return undefined;
  return `floor ${floors[level].floor} imports ${target} of floor ${floors[targetLevel].floor}`;
}

function strangerOf(file, level, name) {
  if (name === 'koffi') return roomOf(file) === 'linux' ? undefined : 'koffi is imported outside of src/linux';
  if (isBuiltin(name) && floors[level].anywhere)
    return `floor ${floors[level].floor} runs in browsers too, but imports ${name}`;
  return undefined;
}

/** Static, dynamic and type imports and re-exports, with their lines. */
function importsOf(text) {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName, pos }) => ({
    name: fileName,
    line: text.slice(0, pos).split('\n').length,
  }));
}

function isTest(file) {
  return /\.test\.(support\.)?ts$/.test(file);
}

function roomOf(file) {
  return file.split('/')[0];
}
