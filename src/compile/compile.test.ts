import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import { findClang } from './clang.js';
import { compileBpf, defaultOutput } from './compile.js';
import { compileError } from './diagnostics.js';

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-compile-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const program = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int one(struct xdp_md *ctx) { return XDP_PASS; }
char LICENSE[] SEC("license") = "Dual MIT/GPL";
`;

function place(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function refusal(work: () => unknown): Promise<XdpkitError> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof XdpkitError, String(error));
    return error;
  }
  return assert.fail('no error was thrown');
}

function executable(path: string): string {
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, 0o755);
  return path;
}

test('compiles to an ELF object with BTF beside the source', async () => {
  const result = await compileBpf({ source: place('plain.bpf.c', program) });
  assert.equal(result.output, join(folder, 'plain.bpf.o'));
  assert.equal(result.warnings, '');
  const bytes = readFileSync(result.output);
  assert.deepEqual([...bytes.subarray(0, 4)], [0x7f, 0x45, 0x4c, 0x46]);
  assert.equal(bytes.readUInt16LE(18), 247, 'EM_BPF');
  assert.ok(bytes.includes('.BTF'));
});

test('takes file names that a shell would stumble over', async () => {
  for (const name of ['with space.bpf.c', "quote'.bpf.c", '$HOME.bpf.c', 'ünïcode.bpf.c', '-dash.bpf.c']) {
    const { output } = await compileBpf({ source: place(name, program) });
    assert.ok(existsSync(output), output);
  }
});

test('passes defines, include folders and extra arguments', async () => {
  const headers = join(folder, 'my headers');
  mkdirSync(headers, { recursive: true });
  writeFileSync(join(headers, 'own.h'), '#define FROM_HEADER 1\n');
  const wants = `#include "own.h"
#if !FROM_HEADER || ANSWER != 42 || !defined(ALONE) || !defined(EXTRA)
#error settings did not arrive
#endif
${program}`;
  const options = {
    defines: { ANSWER: 42, ALONE: true },
    includePaths: [headers],
    extraArguments: ['-DEXTRA'],
  } as const;
  await compileBpf({ source: place('settings.bpf.c', wants), ...options });
});

test('the kernel headers that need multi-arch folders and a 64-bit machine are found', async () => {
  const includes = '#include <linux/icmp.h>\n#include <linux/types.h>\n#include <linux/in.h>\n';
  const wide = '_Static_assert(__BITS_PER_LONG == 64, "headers took the machine for a 32-bit one");\n';
  await compileBpf({ source: place('headers.bpf.c', `${includes}${program}${wide}`) });
});

test('the same source gives the same bytes', async () => {
  const source = place('same.bpf.c', program);
  const first = readFileSync((await compileBpf({ source, output: join(folder, 'first.o') })).output);
  const second = readFileSync((await compileBpf({ source, output: join(folder, 'second.o') })).output);
  assert.ok(first.equals(second));
});

test('shows warnings and compiles all the same', async () => {
  const source = place('warns.bpf.c', `${program}static int unused(void) { return 1; }\n`);
  const { output, warnings } = await compileBpf({ source });
  assert.match(warnings, /warns\.bpf\.c:5:\d+: warning: unused function/);
  assert.ok(existsSync(output));
});

test('an error in the source names file and line, keeps the old object and leaves no half one', async () => {
  const source = place('broken.bpf.c', `${program}int two(void) { return nothing; }\n`);
  const output = place('broken.bpf.o', 'the old object');
  const error = await refusal(() => compileBpf({ source }));
  assert.equal(error.code, 'COMPILE_FAILED');
  assert.match(error.message, /broken\.bpf\.c:5: use of undeclared identifier 'nothing'/);
  assert.match(error.log ?? '', /return nothing;/);
  assert.equal(readFileSync(output, 'utf8'), 'the old object');
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('.')),
    [],
  );
});

test('a missing header of the system names its package', async () => {
  const source = place('headerless.bpf.c', program);
  const kernel = await refusal(() => compileBpf({ source, extraArguments: ['-nostdinc'] }));
  assert.equal(kernel.code, 'TOOL_MISSING');
  assert.match(kernel.message, /linux\/bpf\.h is not installed/);
  assert.match(kernel.hint ?? '', /apt install linux-libc-dev/);

  const helpers = place('helpers.bpf.c', '#include <bpf/bpf_helpers.h>\n');
  const library = await refusal(() => compileBpf({ source: helpers, extraArguments: ['-nostdinc'] }));
  assert.match(library.message, /bpf\/bpf_helpers\.h is not installed/);
  assert.match(library.hint ?? '', /apt install libbpf-dev/);
});

test("a missing header of the user's own is an error of the source", async () => {
  const source = place('own.bpf.c', '#include "mine.h"\n');
  const error = await refusal(() => compileBpf({ source }));
  assert.equal(error.code, 'COMPILE_FAILED');
  assert.match(error.message, /own\.bpf\.c:1: 'mine\.h' file not found/);
});

test('a missing source and a missing folder are named', async () => {
  const source = join(folder, 'absent.bpf.c');
  const absent = await refusal(() => compileBpf({ source }));
  assert.equal(absent.code, 'FILE_NOT_FOUND');
  assert.ok(absent.message.includes(source));
  const output = join(folder, 'no such folder', 'x.o');
  const nowhere = await refusal(() => compileBpf({ source: place('there.bpf.c', program), output }));
  assert.equal(nowhere.code, 'FILE_NOT_FOUND');
  assert.match(nowhere.message, /no such folder/);
});

test('a source is compiled whatever its ending, and never overwritten', async () => {
  const source = place('ending.txt', program);
  assert.ok(readFileSync((await compileBpf({ source })).output).includes('.BTF'));
  const self = await refusal(() => compileBpf({ source, output: join(folder, '.', 'ending.txt') }));
  assert.equal(self.code, 'USAGE');
  assert.match(self.message, /the object would take the place of its source/);
  assert.equal(readFileSync(source, 'utf8'), program);
});

test('folders and devices in the place of files are told', async () => {
  const asSource = await refusal(() => compileBpf({ source: folder }));
  assert.equal(asSource.code, 'USAGE');
  assert.match(asSource.message, /^cannot compile '.*': it is a folder, no file of BPF C$/);
  const asOutput = await refusal(() => compileBpf({ source: place('a.bpf.c', program), output: folder }));
  assert.equal(asOutput.code, 'USAGE');
  assert.match(asOutput.message, /^cannot write '.*': it is a folder$/);
  // A FIFO stands for /dev/null, which a mistake here would take from the machine.
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const asDevice = await refusal(() => compileBpf({ source: place('a.bpf.c', program), output: fifo }));
  assert.equal(asDevice.code, 'USAGE');
  assert.match(asDevice.message, /it is no ordinary file$/);
  assert.ok(statSync(fifo).isFIFO());
});

test('no clang in PATH is one sentence with the package', async () => {
  const empty = join(folder, 'empty');
  mkdirSync(empty, { recursive: true });
  const source = place('clangless.bpf.c', program);
  const error = await refusal(() => compileBpf({ source, environment: { PATH: `${empty}:/nowhere` } }));
  assert.equal(error.code, 'TOOL_MISSING');
  assert.match(error.message, /^clang is not installed/);
  assert.match(error.hint ?? '', /apt install clang/);
  const named = await refusal(() => findClang(undefined, { CLANG: 'clang-999', PATH: empty }));
  assert.match(named.message, /'clang-999', does not exist/);
});

test('clang is taken from the option, CLANG, PATH, or the newest numbered one there', () => {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const ninth = executable(join(bin, 'clang-9'));
  const sixteenth = executable(join(bin, 'clang-16'));
  writeFileSync(join(bin, 'clang-99'), 'not executable');
  assert.equal(findClang(undefined, { PATH: bin }), sixteenth);
  assert.equal(findClang(undefined, { PATH: bin, CLANG: 'clang-9' }), ninth);
  assert.equal(findClang(sixteenth, { PATH: bin, CLANG: ninth }), sixteenth);
  const plain = executable(join(bin, 'clang'));
  assert.equal(findClang(undefined, { PATH: `/nowhere:${bin}` }), plain);
  assert.equal(findClang(undefined, { PATH: bin, CLANG: '' }), plain);
});

test('an interrupted run leaves nothing', async () => {
  const signal = AbortSignal.abort();
  const error = await refusal(() => compileBpf({ source: place('stopped.bpf.c', program), signal }));
  assert.equal(error.code, 'INTERRUPTED');
  assert.ok(!existsSync(join(folder, 'stopped.bpf.o')));
});

test('a clang without the BPF target is a missing tool', () => {
  const said = `error: unable to create target: 'No available targets are compatible with triple "bpf"'\n`;
  const error = compileError('x.bpf.c', '/usr/bin/clang', said);
  assert.equal(error.code, 'TOOL_MISSING');
  assert.match(error.message, /without the BPF target/);
});

test('the default output replaces the ending', () => {
  assert.equal(defaultOutput('a/b.bpf.c'), 'a/b.bpf.o');
  assert.equal(defaultOutput('a/b.c'), 'a/b.o');
  assert.equal(defaultOutput('a/b'), 'a/b.o');
});
