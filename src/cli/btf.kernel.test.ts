/** Types from the command line: of the running kernel, of what it holds, of files. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { BtfType } from '../btf/types.js';
import { writeBtf } from '../btf/write.js';
import { compileBpf } from '../compile/compile.js';
import { readElfSection } from '../elf/elf.js';
import { readTargetBtf } from '../kernel/target-btf.js';
import { runProgram } from '../kernel/test-run.js';
import { openObject } from '../loader/open.js';
import { compileText } from '../object/compile-text.test.support.js';
import { ask } from '../object/fixtures.test.support.js';
import { runWords } from './run-words.test.support.js';

const object = fileURLToPath(new URL('../bpf/drop-ping.bpf.o', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'xdpkit-btf-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function printed(...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runWords(words);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

test('BTF of the kernel, of programs and of maps is listed as bpftool lists it, and dumped by each of its users', async () => {
  using loaded = (await openObject(object)).load();
  const program = loaded.program('drop_ping');
  const map = loaded.map('xdp_stats');
  const { btfId } = program.info();
  const { btf } = JSON.parse(await printed('btf', 'ls', '--json'));
  const mine = btf.find((each: { id: number }) => each.id === btfId);
  assert.ok(mine);
  const [theirs] = [JSON.parse(ask('bpftool', '--json', 'btf', 'show', 'id', String(btfId)))].flat();
  assert.equal(mine.size, theirs.size);
  assert.deepEqual(mine.programs, theirs.prog_ids);
  assert.deepEqual(
    mine.maps,
    [...theirs.map_ids].sort((a, b) => a - b),
  );
  assert.equal(mine.origin, 'object');
  assert.ok(mine.programs.includes(program.id) && mine.maps.includes(map.info().id));
  const kernel = btf.find((each: { origin: string }) => each.origin === 'kernel');
  assert.equal(kernel.name, 'vmlinux');
  assert.equal(kernel.size, readFileSync('/sys/kernel/btf/vmlinux').length);
  assert.match(await printed('btf', 'ls'), /^ *ID +NAME +ORIGIN +BYTES/);

  const raw = ask('bpftool', 'btf', 'dump', 'id', String(btfId));
  assert.equal(await printed('btf', 'dump', `id:${btfId}`), raw);
  assert.equal(await printed('btf', 'dump', `prog:${program.id}`), raw);
  assert.equal(await printed('btf', 'dump', `map:${map.info().id}`, '--format', 'raw'), raw);
  const types = JSON.parse(ask('bpftool', '--json', 'btf', 'dump', 'id', String(btfId)));
  assert.deepEqual(JSON.parse(await printed('btf', 'dump', `id:${btfId}`, '--format', 'json')), types);
  assert.deepEqual(JSON.parse(await printed('btf', 'dump', `id:${btfId}`, '--json')), types);
});

test('types of a file, all or some, in each format', async () => {
  const c = await printed('btf', 'dump', object, '--type', 'datarec', '--format', 'c');
  assert.match(
    c,
    /typedef unsigned long long __u64;\n\nstruct datarec \{\n\t__u64 rx_packets;\n\t__u64 rx_bytes;\n\};/,
  );
  const typescript = await printed('btf', 'dump', object, '--type', 'datarec', '--format', 'typescript');
  assert.match(typescript, /export interface Datarec \{\n {2}rx_packets: bigint;\n {2}rx_bytes: bigint;\n\}/);
  const document = JSON.parse(await printed('btf', 'dump', object, '--type', 'datarec', '--format', 'c', '--json'));
  assert.deepEqual(document, { source: object, format: 'c', text: c });
  const some = JSON.parse(await printed('btf', 'dump', object, '--type', 'datarec', '--json'));
  assert.deepEqual(
    some.types.map(({ name }: { name: string }) => name),
    ['__u64', 'unsigned long long', 'datarec'],
  );
  const raw = join(folder, 'raw.btf');
  writeFileSync(raw, readElfSection(readFileSync(object), object, '.BTF') ?? '');
  assert.equal(await printed('btf', 'dump', raw), await printed('btf', 'dump', object));
});

test('split BTF shows its own types, with what they need of its base where the format asks for it', async () => {
  const kernel = readTargetBtf(undefined);
  const listHead = kernel.find('struct', 'list_head') ?? 0;
  const member = { name: 'list', type: listHead, bitOffset: 0, bitSize: 0 };
  const path = join(folder, 'module.btf');
  const struct: BtfType = { kind: 'struct', name: 'of_module', size: 16, members: [member] };
  writeFileSync(path, writeBtf([struct], { base: kernel }));
  const raw = await printed('btf', 'dump', path, '--base', 'kernel');
  assert.equal(raw, ask('bpftool', '-B', '/sys/kernel/btf/vmlinux', 'btf', 'dump', 'file', path));
  assert.equal(raw.split('\n')[0], `[${kernel.count}] STRUCT 'of_module' size=16 vlen=1`);
  const c = await printed('btf', 'dump', path, '--base', 'kernel', '--format', 'c');
  assert.match(c, /struct list_head \{\n[^}]+\};\n\nstruct of_module \{\n\tstruct list_head list;\n\};/);
  assert.ok(!c.includes('task_struct'));
});

test('what is not there is said', async () => {
  const bare = join(folder, 'bare.o');
  writeFileSync(bare, compileText('int nothing;', { debug: false }));
  const refused: readonly [words: string[], code: number, message: RegExp][] = [
    [[join(folder, 'nothing')], 3, /cannot read types from .*nothing/],
    [[bare], 3, /has no section \.BTF/],
    [[fileURLToPath(import.meta.url)], 1, /no BTF: the magic number/],
    [['id:999999999'], 3, /no BTF object with id 999999999/],
    [['id:x'], 2, /a BTF id is a number/],
    [['prog:999999999'], 3, /no program with id/],
    [['map:999999999'], 3, /no map with id/],
    [[object, '--type', 'nothing'], 3, /no type called "nothing"/],
  ];
  for (const [words, code, message] of refused) {
    const { exitCode, stderr } = await runWords(['btf', 'dump', ...words]);
    assert.match(stderr, message);
    assert.equal(exitCode, code, stderr);
  }
});

test("a CO-RE program is compiled against the running kernel's header and reads the kernel's structs", async () => {
  writeFileSync(join(folder, 'vmlinux.h'), await printed('btf', 'dump', '--format', 'c'));
  const source = join(folder, 'look.bpf.c');
  writeFileSync(
    source,
    `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
int tgid, uid, value, offset, wanted = BPF_MAP_TYPE_DEVMAP;
char name[16];
SEC("xdp") int look(struct xdp_md *context)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	tgid = BPF_CORE_READ(task, tgid);
	uid = BPF_CORE_READ(task, cred, uid.val);
	BPF_CORE_READ_STR_INTO(&name, task, group_leader, comm);
	value = bpf_core_enum_value(enum bpf_map_type, BPF_MAP_TYPE_DEVMAP);
	offset = bpf_core_field_offset(struct xdp_frame, frame_sz) == __builtin_offsetof(struct xdp_frame, frame_sz);
	return XDP_PASS;
}
char _license[] SEC("license") = "GPL";
`,
  );
  const { output, warnings } = await compileBpf({ source, includePaths: [folder] });
  assert.equal(warnings, '');
  using loaded = (await openObject(output)).load();
  const { verdict } = runProgram(loaded.program('look'), { data: new Uint8Array(64) });
  assert.equal(verdict, 2);
  const { tgid, uid, name, value, offset, wanted } = loaded.globals;
  assert.deepEqual(
    { tgid, uid, name, value, offset, wanted },
    {
      tgid: process.pid,
      uid: process.geteuid?.(),
      name: readFileSync('/proc/self/comm', 'utf8').trim(),
      value: 14,
      offset: 1,
      wanted: 14,
    },
  );
});

test('the part of the kernel that an object needs loads it as the whole kernel does', async () => {
  const core = join(folder, 'core.bpf.o');
  writeFileSync(
    core,
    compileText(`
      struct net_device { int ifindex; unsigned int mtu; } __attribute__((preserve_access_index));
      SEC("xdp") int p(struct xdp_md *c) { return __builtin_preserve_field_info(((struct net_device *)0)->mtu, 0); }`),
  );
  const file = join(folder, 'min.btf');
  const { objects, types, members, bytes } = JSON.parse(
    await printed('btf', 'min', core, object, '-o', file, '--json'),
  );
  assert.deepEqual([objects, members, bytes], [[core, object], 1, readFileSync(file).length]);
  assert.ok(types < 5);
  const run = async (kernelBtf?: string) => {
    using loaded = (await openObject(core)).load({ kernelBtf });
    return runProgram(loaded.program('p'), { data: new Uint8Array(64) }).verdict;
  };
  assert.equal(await run(file), await run());
  const theirs = join(folder, 'theirs.btf');
  ask('bpftool', 'gen', 'min_core_btf', '/sys/kernel/btf/vmlinux', theirs, core, object);
  assert.equal(ask('bpftool', 'btf', 'dump', 'file', file), ask('bpftool', 'btf', 'dump', 'file', theirs));

  const unwritable = await runWords(['btf', 'min', core, '-o', join(folder, 'none', 'min.btf')]);
  assert.equal(unwritable.exitCode, 1);
  assert.match(unwritable.stderr, /^error: cannot write .*none\/min\.btf: ENOENT/);
  const { stderr } = await runWords(['btf', 'min', object, '-o', file]);
  assert.match(stderr, /wrote .*: 0 types .*\n.*no relocation asks for a type of the kernel/);
});
