// Writes src/uapi/releases.generated.ts: node scripts/generate-releases.mjs FOLDER…
//
// Each FOLDER is an include folder of a release, with linux/bpf.h and linux/version.h in it, as Debian's linux-libc-dev
// has them (`apt-get download linux-libc-dev`, `dpkg-deb -x`, usr/include): oldest to newest, at least two.
// The running kernel, whose BTF has the same enumerations, is one more. Run it after `npm run build`; the result is
// committed, no build depends on it.
//
// Numbers are given out in order and never again, so that the last name of each release says all of them. Those are in
// bpf-releases.json, put together from two lists that were made from the kernel's history independently of each other:
// docs/kernel-versions.md of iovisor/bcc (to 5.5) and data/feature-versions.yaml of isovalent/ebpf-docs. Where they
// differ: tcp_gen_syncookie is in 5.3 by bcc and in 5.4 by ebpf-docs, and the later is taken; ebpf-docs has
// map_lookup_elem and map_update_elem in 3.18, and get_prandom_u32 in 4.17, against the order of the numbers and bcc.
//
// What the lists do not have is bounded by the first header that has it. It fails where a header has more or less than
// the table says of its release.
import { readFileSync, writeFileSync } from 'node:fs';
import { release as runningRelease } from 'node:os';
import { join } from 'node:path';
import { readBtf } from '../dist/btf/index.js';
import { readHelperTexts } from '../dist/explain/helper-text.js';
import { attachTypes, helpers, mapTypes, programTypes } from '../dist/uapi/bpf.generated.js';

const uapi = { helpers, mapTypes, programTypes, attachTypes };
const folders = process.argv.slice(2);
if (folders.length < 2) throw new Error('usage: node scripts/generate-releases.mjs FOLDER FOLDER…');
const listed = JSON.parse(readFileSync(new URL('./bpf-releases.json', import.meta.url), 'utf8'));
const enumerations = {
  helpers: { name: 'bpf_func_id', prefix: 'BPF_FUNC_' },
  mapTypes: { name: 'bpf_map_type', prefix: 'BPF_MAP_TYPE_' },
  programTypes: { name: 'bpf_prog_type', prefix: 'BPF_PROG_TYPE_' },
  attachTypes: { name: 'bpf_attach_type', prefix: 'BPF_' },
};
const headers = folders.map((folder) => {
  const code = Number(/LINUX_VERSION_CODE (\d+)/.exec(readFileSync(join(folder, 'linux/version.h'), 'utf8'))?.[1]);
  return { release: `${code >> 16}.${(code >> 8) & 0xff}`, text: readFileSync(join(folder, 'linux/bpf.h'), 'utf8') };
});
const before = (left, right) => {
  const [a, b] = [left, right].map((release) => release.split('.').map(Number));
  return a[0] === b[0] ? a[1] < b[1] : a[0] < b[0];
};
const running = readBtf(readFileSync('/sys/kernel/btf/vmlinux'), 'the running kernel');
const runningNumber = runningRelease().split('.').slice(0, 2).join('.');
if (!headers.some(({ release }) => release === runningNumber)) {
  const place = headers.findIndex(({ release }) => before(runningNumber, release));
  headers.splice(place === -1 ? headers.length : place, 0, { release: runningNumber, btf: running });
}
headers.reduce((older, newer) => {
  if (!before(older.release, newer.release)) throw new Error(`${newer.release} is given behind ${older.release}`);
  return newer;
});

/** How many names an enumeration of a header has, number 0 included. */
function countIn(header, table) {
  const { prefix } = enumerations[table];
  const names = (header.btf ? namesInBtf(header.btf, table) : namesInHeader(header.text, table))
    .filter((each) => !each.startsWith('__'))
    .map((each) =>
      each
        .replace(prefix, '')
        .toLowerCase()
        .replace(/_deprecated$/, ''),
    );
  return checkedCount([...new Set(names)], table, header.release);
}

function namesInBtf(btf, table) {
  const { values } = btf.type(btf.find('enum', enumerations[table].name));
  return values.toSorted((left, right) => Number(left.value - right.value)).map(({ name }) => name);
}

function namesInHeader(text, table) {
  if (table === 'helpers') {
    const list = text.slice(text.search(/#define _*BPF_FUNC_MAPPER\(FN/));
    return [...list.matchAll(/\bFN\((\w+)[,)]/g)].map(([, name]) => name).filter((name) => name in uapi.helpers);
  }
  const body = new RegExp(`enum ${enumerations[table].name} \\{(.*?)\\n\\};`, 's').exec(text)?.[1] ?? '';
  const names = body.replace(/\/\*.*?\*\//gs, '').split(',');
  // Those with numbers are old names of what has another by now.
  return names.map((each) => each.trim()).filter((each) => each !== '' && !each.includes('='));
}

/** What is newer than uapi/bpf.generated.ts is not counted. */
function checkedCount(names, table, release) {
  const known = names.filter((name) => name in uapi[table]);
  known.forEach((name, index) => {
    if (uapi[table][name] !== index)
      throw new Error(`${table}: ${name} is number ${index} in the header of ${release}`);
  });
  return known.length;
}

function releasesOf(table) {
  const rows = [];
  let last = 0;
  for (const [release, name] of Object.entries(listed[table])) {
    const number = uapi[table][name];
    if (number === undefined) throw new Error(`${table}: nothing is called ${name}`);
    if (rows.length > 0 && !before(rows.at(-1).release, release))
      throw new Error(`${table}: ${release} is out of order`);
    if (rows.length > 0 && number <= last)
      throw new Error(`${table}: ${name} of ${release} is not above number ${last}`);
    rows.push({ release, last: number, bound: false });
    last = number;
  }
  const unnumbered = table === 'attachTypes' ? 0 : 1;
  for (const header of headers) {
    const count = countIn(header, table);
    const expected = rows.findLast(({ release }) => !before(header.release, release))?.last + 1;
    if (count === expected) continue;
    if (count < expected || before(header.release, rows.at(-1).release)) {
      throw new Error(`${table}: the header of ${header.release} has ${count} names, the list ${expected}`);
    }
    rows.push({ release: header.release, last: count - 1, bound: true });
  }
  const names = Object.keys(uapi[table]).length;
  if (rows.at(-1).last !== names - 1)
    throw new Error(`${table}: ${names - 1 - rows.at(-1).last} names have no release`);
  console.log(
    `${table}: ${names - unnumbered} names, ${rows.length} releases, ${rows.filter(({ bound }) => bound).length} bounded`,
  );
  return rows;
}

const texts = readHelperTexts(headers.at(-1).text);
const lines = [
  `// Generated by scripts/generate-releases.mjs, checked against the headers of Linux ${headers.map(({ release }) => release).join(', ')}.`,
  '// Do not edit.',
  '',
  'export interface ReleaseRow {',
  '  readonly release: string;',
  '  /** The highest number that it has. */',
  '  readonly last: number;',
  '  /** An earlier release may have brought those that the row before lacks. */',
  '  readonly bound?: true;',
  '}',
];
for (const table of Object.keys(enumerations)) {
  lines.push('', `export const ${table.replace(/s$/, '')}Releases: readonly ReleaseRow[] = Object.freeze([`);
  for (const { release, last, bound } of releasesOf(table)) {
    lines.push(`  { release: '${release}', last: ${last}${bound ? ', bound: true' : ''} },`);
  }
  lines.push(']);');
}
lines.push('', '/** As C declares them, without `bpf_`. */');
lines.push('export const helperPrototypes: Readonly<Record<string, string>> = Object.freeze({');
for (const name of Object.keys(uapi.helpers)) {
  const prototype = texts.get(`bpf_${name}`)?.prototype;
  if (name === 'unspec') continue;
  if (prototype === undefined) throw new Error(`the header of ${headers.at(-1).release} does not describe ${name}`);
  lines.push(`  ${name}: ${JSON.stringify(prototype).replaceAll("'", "\\'").replace(/^"|"$/g, "'")},`);
}
lines.push('});');
writeFileSync(new URL('../src/uapi/releases.generated.ts', import.meta.url), `${lines.join('\n')}\n`);
