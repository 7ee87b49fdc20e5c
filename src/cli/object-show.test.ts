/** What is shown of an object is what LLVM's own tools read in it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { describeObject } from '../explain/describe-object.js';
import { parseObject } from '../loader/open.js';
import { compileText } from '../object/compile-text.test.support.js';
import { ask, fixturePath } from '../object/fixtures.test.support.js';
import { foreignObjects } from '../object/foreign.test.support.js';
import { type CompiledFunction, listCode } from '../object/list-code.js';
import { runWords } from './run-words.test.support.js';

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-show-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const source = `
struct flow { __be32 address; __u16 port; };
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __type(key, struct flow); __type(value, __u64); __uint(max_entries, 1000);
         __uint(map_flags, BPF_F_NO_COMMON_LRU | BPF_F_RDONLY_PROG); __uint(pinning, LIBBPF_PIN_BY_NAME); } flows SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __type(key, __u32); __uint(max_entries, 2); __array(values, struct {
         __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, __u32); __type(value, __u32); __uint(max_entries, 7); }); }
  outer SEC(".maps");
const volatile __u16 ports[3] = { 53, 123, 1900 };
__u64 seen = 0;
struct device { int ifindex; } __attribute__((preserve_access_index));
extern int CONFIG_HZ __kconfig;
struct { int (*priority)[10]; int (*XDP_PASS)[1]; int (*XDP_DROP)[1]; } _filter SEC(".xdp_run_config");
static __attribute__((noinline)) int count(struct xdp_md *context, struct device *device) {
  struct flow flow = { .port = ports[context->rx_queue_index & 1] };
  bpf_map_lookup_elem(&outer, &(__u32){ 1 });
  return bpf_map_lookup_elem(&flows, &flow) ? device->ifindex : CONFIG_HZ;
}
SEC("xdp.frags") int filter(struct xdp_md *context) {
  seen++;
  return count(context, (void *)(long)context->data) == 3 ? XDP_DROP : XDP_PASS;
}
SEC("classifier") int other(struct __sk_buff *packet) { return bpf_ktime_get_ns() & 1; }
`;

const path = join(folder, 'shown.bpf.o');
writeFileSync(path, compileText(source));

async function shown(...words: string[]) {
  const { exitCode, stdout, stderr } = await runWords(['object', 'show', ...words]);
  assert.equal(exitCode, 0, stdout + stderr);
  return stdout;
}

async function document(...words: string[]) {
  return JSON.parse(await shown(...words, '--json')).objects[0];
}

test('programs with what they use, maps with their shapes, variables with their values', async () => {
  const object = await document(path);
  assert.equal(object.byteOrder, 'little');
  assert.equal(object.machine, 'bpf');
  assert.equal(object.license, 'GPL');
  const [filter, other] = object.programs;
  assert.deepEqual(
    { ...filter, instructions: 0, instructionsInAll: 0, stack: 0 },
    {
      name: 'filter',
      section: 'xdp.frags',
      declaration: 'int filter(struct xdp_md *context)',
      instructions: 0,
      type: 'xdp',
      attachType: 'xdp',
      attachTo: null,
      frags: true,
      sleepable: false,
      instructionsInAll: 0,
      subPrograms: ['count'],
      stack: 0,
      maps: ['.bss', '.rodata', 'outer', 'flows', '.kconfig'],
      helpers: ['bpf_map_lookup_elem'],
      externs: ['CONFIG_HZ'],
      relocations: { 'field offset': 1 },
      runConfig: { priority: 10, next: ['DROP', 'PASS'] },
      needs: { release: '5.18', for: ['packets in several buffers'] },
    },
  );
  assert.deepEqual([other.type, other.helpers, other.runConfig], ['sched_cls', ['bpf_ktime_get_ns'], null]);
  assert.deepEqual(other.needs, { release: '4.1', for: ['programs of type sched_cls', 'bpf_ktime_get_ns'] });
  const map = (name: string) => object.maps.find((one: { name: string }) => one.name === name);
  assert.deepEqual(map('flows').key, { bytes: 8, type: 'struct flow' });
  assert.deepEqual(map('flows').flags, ['no_common_lru', 'rdonly_prog']);
  assert.equal(map('flows').pinning, 'by-name');
  assert.deepEqual([map('outer').inner.type, map('outer').inner.maxEntries], ['array', 7]);
  const values = object.globals.map((one: { name: string; constant: boolean; value: unknown }) => [
    one.name,
    one.constant,
    one.value,
  ]);
  assert.deepEqual(
    new Map(values.map(([name, ...rest]: unknown[]) => [name, rest])),
    new Map([
      ['ports', [true, [53, 123, 1900]]],
      ['seen', [false, 0]],
      ['CONFIG_HZ', [true, null]],
    ] as const) as Map<unknown, unknown>,
  );
  assert.deepEqual(object.externs, [{ name: 'CONFIG_HZ', kind: 'setting', weak: false, type: 'int' }]);
});

test('for people: the same in words', async () => {
  const text = await shown(path);
  assert.match(text, /shown\.bpf\.o: little-endian BPF, license GPL, BTF of \d+ types/);
  assert.match(text, /^ {2}type +xdp, takes packets in several buffers \(frags\)$/m);
  assert.match(text, /^ {2}instructions \d+, \d+ with count$/m);
  assert.match(text, /^ {2}CO-RE +1 field offset$/m);
  assert.match(text, /^ {2}needs +Linux 5\.18, for packets in several buffers$/m);
  assert.match(text, /^ {2}in a chain +priority 10, next after drop,pass$/m);
  assert.match(text, /^flows +lru_hash +8 B struct flow +8 B __u64 +1,000 +no_common_lru, rdonly_prog$/m);
  assert.match(text, /^flows: pinned by its name$/m);
  assert.match(text, /^outer: holds maps of type array: key 4 B __u32, value 4 B __u32, 7 entries$/m);
  assert.match(text, /^ports +volatile const __u16\[3\] +\.rodata +constant +\[53, 123, 1900\]$/m);
});

interface Symbol {
  readonly name: string;
  readonly instructions: number;
}

/** Functions by `llvm-readelf -s`: value, size, type, …, section, name. */
function functionsByReadelf(file: string): Symbol[] {
  const rows = ask('llvm-readelf', '-s', '--wide', file).matchAll(/^ *\d+: [0-9a-f]+ +(\d+) FUNC .* (\S+)$/gm);
  return [...rows].map(([, size, name]) => ({ name: name as string, instructions: Number(size) / 8 }));
}

/** Bytes of the code of each section by `llvm-objdump -d`, as hexadecimal digits. */
function codeByObjdump(file: string): Map<string, string> {
  const code = new Map<string, string>();
  let section = '';
  for (const line of ask('llvm-objdump', '-d', file).split('\n')) {
    section = /^Disassembly of section (.+):$/.exec(line)?.[1] ?? section;
    const bytes = /^ +\d+:\t((?:[0-9a-f]{2} ){7,15}[0-9a-f]{2})\t/.exec(line)?.[1];
    if (bytes) code.set(section, (code.get(section) ?? '') + bytes.replaceAll(' ', ''));
  }
  return code;
}

/** What the places of a section's code refer to by `llvm-readelf -r`: names of symbols, by instruction. */
function namesByReadelf(file: string): Map<string, Map<number, string>> {
  const names = new Map<string, Map<number, string>>();
  let section = '';
  for (const line of ask('llvm-readelf', '-r', '--wide', file).split('\n')) {
    section = /^Relocation section '\.rel(.+)'/.exec(line)?.[1] ?? section;
    const [, offset, name] = /^([0-9a-f]{16}) +[0-9a-f]+ R_BPF_64_(?:64|32) +[0-9a-f]+ (\S+)/.exec(line) ?? [];
    if (!offset || !name) continue;
    names.set(section, (names.get(section) ?? new Map()).set(Number.parseInt(offset, 16) / 8, name));
  }
  return names;
}

interface Shown extends CompiledFunction {
  readonly instructions: readonly (CompiledFunction['instructions'][number] & { readonly bytes: never })[];
}

for (const [name, file] of [
  ['a new object', path],
  ['several functions a section', fixturePath('calls')],
  ['the other byte order', fixturePath('calls', { target: 'bpfeb' })],
  ['externs of the other byte order', fixturePath('externs', { target: 'bpfeb' })],
  ['without types', fixturePath('calls', { debug: false })],
] as const) {
  test(`code is that of LLVM's tools: ${name}`, async () => {
    const { functions } = (await document(file, '--disassemble')) as { functions: Shown[] };
    const slots = ({ instructions }: Shown) =>
      instructions.reduce((sum, { bytes }) => sum + (bytes as string).length / 16, 0);
    const byName = (left: Symbol, right: Symbol) => (left.name < right.name ? -1 : 1);
    assert.deepEqual(
      functions.map((each) => ({ name: each.name, instructions: slots(each) })).sort(byName),
      functionsByReadelf(file).sort(byName),
    );
    const code = new Map<string, string>();
    const names = namesByReadelf(file);
    for (const { section, instructions } of functions) {
      const before = code.get(section) ?? '';
      for (const { at, refersTo } of instructions) {
        const theirs = names.get(section)?.get(before.length / 16 + at);
        if (!refersTo) assert.equal(theirs, undefined);
        // Within a section functions are called without a relocation; what is static may be meant by its section's name.
        else if (refersTo.kind === 'function') assert.ok([refersTo.name, '.text', undefined].includes(theirs), theirs);
        else if (refersTo.kind === 'data') assert.ok(theirs === refersTo.global || theirs === refersTo.name, theirs);
        else assert.equal(theirs, refersTo.name);
      }
      code.set(section, before + instructions.map(({ bytes }) => bytes).join(''));
    }
    assert.deepEqual(code, codeByObjdump(file));
  });
}

test('code with names, variables, relocations and source lines', async () => {
  const text = await shown(path, '--disassemble', '--prog', 'filter');
  assert.match(text, /^int filter\(struct xdp_md \*context\): section xdp\.frags$/m);
  assert.match(text, /^; seen\+\+; @ text\.c:\d+$/m);
  assert.match(text, /\(18\) r\d = map\[\.bss\]\[0\]\+0 ; seen$/m);
  assert.match(text, /\(85\) call count$/m);
  assert.match(text, /\(18\) r1 = map\[flows\]$/m);
  assert.match(text, / ; asks for the offset of struct device\.ifindex$/m);
  assert.doesNotMatch(text, /section (tc|classifier)/);
  const missing = await runWords(['object', 'show', path, '--disassemble', '--prog', 'nobody']);
  assert.equal(missing.exitCode, 3);
  assert.match(missing.stderr, /shown has no program "nobody"\nhint: It has filter, other\./);
});

test('--prog without --disassemble is wrong usage', async () => {
  const { exitCode, stderr } = await runWords(['object', 'show', path, '--prog', 'filter']);
  assert.equal(exitCode, 2);
  assert.match(stderr, /--prog goes with --disassemble/);
});

test("objects of other projects: every program has its code, as LLVM's tools read them", () => {
  for (const from of ['libbpf-tools', 'xdp-tools', 'suricata', 'opensnitch-ebpf-modules'] as const) {
    for (const { name, path: file, bytes } of foreignObjects(from)) {
      const described = describeObject(parseObject(bytes, name));
      const functions = new Map(functionsByReadelf(file).map((each) => [each.name, each.instructions]));
      for (const program of [...described.programs, ...described.subPrograms]) {
        assert.equal(program.instructions, functions.get(program.name), `${name}: ${program.name}`);
      }
      const listed = listCode(parseObject(bytes, name).spec);
      assert.equal(listed.length, described.programs.length + described.subPrograms.length, name);
    }
  }
});
