/** Programs that read the kernel's own structs, by CO-RE, on the running kernel. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { openText } from '../object/compile-text.test.support.js';
import { btfOf, targetPath } from '../object/core/fixtures.test.support.js';
import { leftInKernel, refusalOf, uniqueName } from './kernel-state.test.support.js';
import { runProgram } from './test-run.js';
import { VerifierError } from './verifier-error.js';

const packet = new Uint8Array(64);

const prelude = `
#include <bpf/bpf_core_read.h>
#define CORE __attribute__((preserve_access_index))
struct task_struct { int pid; int tgid; char comm[16]; } CORE;
struct task_struct___other { int never_there; } CORE;
enum bpf_map_type___mine { BPF_MAP_TYPE_DEVMAP___mine = 0, BPF_MAP_TYPE_NEVER = 77 };
enum bpf_struct_walk_result;
`;

test("a program reads the running kernel's structs through its own idea of them", () => {
  using loaded = openText(`${prelude}
struct cred { struct { int val; } uid; } CORE;
struct task_struct___deep { struct cred *cred; int tgid; } CORE;
int tgid = 0, uid = -1, devmap = 0, has_other = 7, size = 0;
SEC("xdp") int look(struct xdp_md *context)
{
	struct task_struct___deep *task = (void *)bpf_get_current_task();
	BPF_CORE_READ_INTO(&tgid, task, tgid);
	BPF_CORE_READ_INTO(&uid, task, cred, uid.val);
	devmap = bpf_core_enum_value(enum bpf_map_type___mine, BPF_MAP_TYPE_DEVMAP___mine);
	struct task_struct___other *other = (void *)task;
	has_other = bpf_core_field_exists(other->never_there);
	if (has_other)
		uid = BPF_CORE_READ(other, never_there);
	size = bpf_core_type_size(struct task_struct);
	return 0;
}`).load();
  runProgram(loaded.program('look'), { data: packet });
  assert.equal(loaded.globals.tgid, process.pid);
  assert.equal(loaded.globals.uid, process.geteuid?.());
  assert.equal(loaded.globals.devmap, 14);
  assert.equal(loaded.globals.has_other, 0);
  assert.ok(Number(loaded.globals.size) > 1000);
});

test('a field that the kernel lacks is named with its type and line, when the verifier reaches it', () => {
  const object = openText(`${prelude}
SEC("xdp") int look(struct xdp_md *context)
{
	struct task_struct___other *task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, never_there);
}`);
  const said = refusalOf(() => object.load());
  // Clang gives the field's offset to this line or to the one before, where it moves it.
  assert.match(said, /^VERIFIER: the verifier refused program "look" at \S*text\.c:\d+: `.*\btask\b.*;`: /);
  assert.match(
    said,
    /it asks for the offset of struct task_struct___other\.never_there, which \/sys\/kernel\/btf\/vmlinux lacks: struct task_struct \(type \d+\) has no member never_there/,
  );
});

test('what the kernel has in the place of a field that was renamed is named, and how to ask first', () => {
  const object = openText(`#include <bpf/bpf_core_read.h>
struct task_struct { long state; } __attribute__((preserve_access_index));
SEC("kprobe/nothing") int look(void *context)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, state);
}`);
  assert.throws(
    () => object.load(),
    (error) => {
      assert.ok(error instanceof VerifierError);
      assert.equal(error.kind, 'core-relocation');
      assert.match(
        error.message,
        /text\.c:\d+: .*struct task_struct\.state, which .* has no member state \(it has __state\b.*\)$/,
      );
      assert.match(error.hint ?? '', /bpf_core_field_exists/);
      return true;
    },
  );
});

test('types that may be meant are named where there is none of the name', () => {
  const object = openText(`#include <bpf/bpf_core_read.h>
struct task_strukt { long state; } __attribute__((preserve_access_index));
union sk_buff { long len; } __attribute__((preserve_access_index));
SEC("kprobe/nothing") int mistyped(void *context)
{
	struct task_strukt *task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, state);
}
SEC("kprobe/nothing") int other_kind(void *context)
{
	union sk_buff *buffer = (void *)bpf_get_current_task();
	return BPF_CORE_READ(buffer, len);
}`);
  assert.match(
    refusalOf(() => object.load({ programs: ['mistyped'] })),
    /task_strukt\.state, which .* has no type of that name and kind\b.* \(it has struct task_struct\b.*\)/,
  );
  assert.match(
    refusalOf(() => object.load({ programs: ['other_kind'] })),
    /union sk_buff\.len, which .* kind\b.* \(it has struct sk_buff\b/,
  );
});

test('types of another kernel are taken where they are given; programs without relocations never read any', () => {
  const source = `${prelude}
struct sample { unsigned c; } CORE;
SEC("xdp") int asks(struct xdp_md *context) { return bpf_core_type_size(struct sample) == 496 ? 2 : 1; }
SEC("xdp") int plain(struct xdp_md *context) { return 2; }`;
  const object = openText(source);
  const path = `${targetPath('MOVED')}.btf`;
  const btf = btfOf(targetPath('MOVED'), 'MOVED');
  writeFileSync(path, btf.bytes);
  for (const [kernelBtf, verdict] of [
    [btf, 2],
    [path, 2],
    [undefined, 1],
  ] as const) {
    using loaded = object.load({ kernelBtf, programs: ['asks'] });
    assert.equal(runProgram(loaded.program('asks'), { data: packet }).verdict, verdict);
  }
  const kernelBtf = '/nowhere/vmlinux';
  object.load({ kernelBtf, programs: ['plain'] })[Symbol.dispose]();
  assert.match(
    refusalOf(() => object.load({ kernelBtf })),
    /^FILE_NOT_FOUND: cannot read the BTF file \/nowhere\/vmlinux: ENOENT/,
  );
});

test('relocations that are refused leave nothing in the kernel', () => {
  const name = uniqueName();
  const object = openText(
    `${prelude}
int seen;
struct twice { int differing; } CORE;
SEC("xdp") int asks(struct xdp_md *context) { return seen + __builtin_preserve_field_info(((struct twice *)0)->differing, 0); }`,
    { name },
  );
  assert.match(
    refusalOf(() => object.load({ kernelBtf: btfOf(targetPath('MOVED'), 'MOVED') })),
    /^CORE_RELOCATION: Program asks of \S+ cannot be relocated: .*text\.c:\d+.*struct twice\.differing.*disagree/,
  );
  assert.deepEqual(leftInKernel(name), []);
});
