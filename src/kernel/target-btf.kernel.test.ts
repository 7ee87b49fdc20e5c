/** The kernel's types from other files than its own: ELF, and minimised. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findElfSection } from '../elf/find-section.js';
import { parseObject } from '../loader/open.js';
import { compileText } from '../object/compile-text.test.support.js';
import { readTargetBtf } from './target-btf.js';
import { runProgram } from './test-run.js';

const running = '/sys/kernel/btf/vmlinux';
const folder = mkdtempSync(join(tmpdir(), 'xdpkit-target-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

const source = `
struct xdp_buff { __u32 frame_sz; void *data; } __attribute__((preserve_access_index));
struct net_device { unsigned int mtu; } __attribute__((preserve_access_index));
SEC("xdp") int p(struct xdp_md *c) {
  return __builtin_preserve_field_info(((struct xdp_buff *)0)->data, 0) + 1000 * __builtin_preserve_field_info(((struct net_device *)0)->mtu, 2);
}`;

function verdictWith(kernelBtf: string | undefined): number {
  using loaded = parseObject(compileText(source), 'x.bpf.o').load({ kernelBtf });
  return runProgram(loaded.program('p'), { data: new Uint8Array(64) }).verdict;
}

test('an ELF file with a section .BTF, as vmlinux is, gives the types as the kernel does', () => {
  const path = join(folder, 'vmlinux');
  writeFileSync(join(folder, 'empty.c'), 'int nothing;');
  // An object of this machine, not of BPF.
  execFileSync('clang', ['-c', join(folder, 'empty.c'), '-o', join(folder, 'empty.o')]);
  execFileSync('objcopy', [`--add-section=.BTF=${running}`, join(folder, 'empty.o'), path]);
  const types = readTargetBtf(path);
  assert.deepEqual(Buffer.from(types.bytes), readFileSync(running));
  assert.equal(types.where, path);
  assert.equal(verdictWith(path), verdictWith(undefined));

  assert.throws(() => readTargetBtf(join(folder, 'empty.o')), { code: 'MALFORMED', message: /has no section \.BTF/ });
  for (const size of [10, 64, 100, Math.floor(statSync(path).size / 2)]) {
    const cut = join(folder, `cut-${size}`);
    writeFileSync(cut, readFileSync(path));
    truncateSync(cut, size);
    assert.throws(() => readTargetBtf(cut), { code: 'MALFORMED' });
  }
  assert.throws(() => readTargetBtf(join(folder, 'none')), { code: 'FILE_NOT_FOUND' });
});

test('types minimised by bpftool answer what they were minimised for', () => {
  const object = join(folder, 'x.bpf.o');
  writeFileSync(object, compileText(source));
  const minimised = join(folder, 'minimised.btf');
  execFileSync('bpftool', ['gen', 'min_core_btf', running, minimised, object], { env });
  assert.ok(statSync(minimised).size < 10_000);
  assert.equal(verdictWith(minimised), verdictWith(undefined));
});

test('the running kernel’s types are let go after the load, while what was loaded lives on', () => {
  const [opener, types] = ['../loader/open.js', './target-btf.js'].map((each) => new URL(each, import.meta.url).href);
  const script = `
    import { setImmediate } from 'node:timers/promises';
    import { parseObject } from ${JSON.stringify(opener)};
    import { readTargetBtf } from ${JSON.stringify(types)};
    const object = parseObject(Buffer.from('${Buffer.from(compileText(source)).toString('base64')}', 'base64'), 'x.bpf.o');
    const loaded = object.load();
    // Who still held them would be found by this.
    const held = new WeakRef(readTargetBtf(undefined));
    for (let turn = 0; turn < 100 && held.deref() !== undefined; turn += 1) {
      await setImmediate();
      gc();
    }
    console.log(held.deref() === undefined, loaded.programs.size, object.spec.programs.length);`;
  const words = ['--expose-gc', '--input-type=module', '--eval', script];
  assert.equal(execFileSync(process.execPath, words, { encoding: 'utf8' }), 'true 1 1\n');
});

test('sections are found as readelf finds them', () => {
  const bytes = compileText(source);
  const read = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const path = join(folder, 'sections.o');
  writeFileSync(path, bytes);
  const lines = execFileSync('readelf', ['-SW', path], { encoding: 'utf8' });
  const found = [...lines.matchAll(/\] (\.?\w\S*)\s+[A-Z]+\s+0+ ([0-9a-f]+) ([0-9a-f]+) /g)];
  assert.ok(found.length > 8);
  for (const [, name = '', offset = '', size = ''] of found) {
    assert.deepEqual(findElfSection(read, name, 'x'), {
      offset: Number.parseInt(offset, 16),
      size: Number.parseInt(size, 16),
    });
  }
  assert.equal(findElfSection(read, '.nothing', 'x'), undefined);
});
