/** Minimised BTF answers as the whole does; bpftool's, for the same relocations, has nothing that ours lacks. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Btf, readBtf } from '../../btf/btf.js';
import type { BtfType } from '../../btf/types.js';
import { writeBtf } from '../../btf/write.js';
import { XdpkitError } from '../../errors/error.js';
import { openText } from '../compile-text.test.support.js';
import { ask } from '../fixtures.test.support.js';
import { linkProgram } from '../link.js';
import { readObject } from '../read.js';
import type { ObjectSpec, ProgramSpec } from '../spec.js';
import { btfOf, localPath, targetPath, targets } from './fixtures.test.support.js';
import { minimizeBtf } from './minimal.js';

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-minimal-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const kernelPath = '/sys/kernel/btf/vmlinux';
const objects = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/bpf`;

/** The code and what is missing of each program, or why it is refused, but for the ids and the place of types. */
function linked(spec: ObjectSpec, target: Btf): unknown[] {
  return spec.programs.map((program) => {
    try {
      const { code, unresolved } = linkProgram(spec, program, { target });
      return [program.name, Buffer.from(code).toString('hex'), unresolved.map(({ at }) => at)];
    } catch (error) {
      assert.ok(error instanceof XdpkitError);
      return [program.name, error.code];
    }
  });
}

/** `struct sample.in`, `enum color`: what there is, by name. */
function contents(btf: Btf): string[] {
  const found = new Set<string>();
  for (let id = 1; id < btf.count; id++) {
    const type = btf.type(id);
    if (type.name === '' || type.kind === 'int') continue;
    found.add(`${type.kind} ${type.name}`);
    if ('members' in type) for (const { name } of type.members) found.add(`${type.kind} ${type.name}.${name}`);
  }
  return [...found].sort();
}

function byBpftool(source: string, object: string): Btf {
  const path = join(folder, 'theirs.btf');
  ask('bpftool', 'gen', 'min_core_btf', source, path, object);
  return readBtf(readFileSync(path), path);
}

for (const target of targets) {
  test(`each program of local.bpf.c gets from minimised BTF the code that it gets from all of ${target}`, () => {
    const spec = readObject(readFileSync(localPath()), 'local.bpf.o');
    const btf = btfOf(targetPath(target), target);
    const sound: ProgramSpec[] = [];
    for (const program of spec.programs) {
      const alone = { ...spec, programs: [program] };
      const whole = linked(alone, btf);
      if (whole.some((each) => (each as unknown[])[1] === 'CORE_RELOCATION')) {
        assert.throws(() => minimizeBtf([alone], { btf }), { code: 'CORE_RELOCATION' });
        continue;
      }
      const { bytes, idsAsked } = minimizeBtf([alone], { btf });
      assert.ok(idsAsked.length === 0 || /^target_id|^twice_id$/.test(program.name), program.name);
      if (program.name === 'target_id') assert.match(idsAsked[0] ?? '', /target_id of .* id of struct sample$/);
      if (idsAsked.length > 0) continue;
      sound.push(program);
      assert.deepEqual(linked(alone, readBtf(bytes, 'minimal')), whole, program.name);
    }
    assert.ok(sound.length > spec.programs.length * 0.8);
    // Together they are as they are alone.
    const together = { ...spec, programs: sound };
    const { bytes, types } = minimizeBtf([together], { btf });
    const minimal = readBtf(bytes, 'minimal');
    assert.deepEqual(linked(together, minimal), linked(together, btf));
    assert.ok(types < btf.count - 1);
  });
}

test("Debian's objects get the running kernel's code from some hundred bytes, which are those that bpftool keeps", () => {
  const kernel = readBtf(readFileSync(kernelPath), kernelPath);
  let relocating = 0;
  for (const file of readdirSync(objects).filter((name) => name.endsWith('.o'))) {
    const path = join(objects, file);
    const spec = readObject(readFileSync(path), file);
    const { bytes, types } = minimizeBtf([spec], { btf: kernel });
    if (types === 0) continue;
    relocating += 1;
    const minimal = readBtf(bytes, 'minimal');
    assert.deepEqual(linked(spec, minimal), linked(spec, kernel), file);
    assert.ok(bytes.length < 4096, `${file}: ${bytes.length} bytes`);
    assert.deepEqual(contents(minimal), contents(byBpftool(kernelPath, path)), file);
  }
  assert.ok(relocating > 0, 'no object has relocations');
});

test('bpftool keeps of the types of local.bpf.c nothing that is missing here', () => {
  const spec = readObject(readFileSync(localPath()), 'local.bpf.o');
  const target = btfOf(targetPath('SAME'), 'SAME');
  const source = join(folder, 'same.btf');
  writeFileSync(source, target.bytes);
  const theirs = contents(byBpftool(source, localPath()));
  const ours = new Set(contents(readBtf(minimizeBtf([spec], { btf: target }).bytes, 'minimal')));
  assert.ok(theirs.length > 10);
  assert.deepEqual(
    theirs.filter((each) => !ours.has(each)),
    [],
  );
});

test('several objects share a file, and types of modules stand in it beside those of the kernel', () => {
  const int: BtfType = {
    kind: 'int',
    name: 'int',
    size: 4,
    bits: 32,
    bitOffset: 0,
    signed: true,
    char: false,
    bool: false,
  };
  const struct = (name: string, type: number): BtfType => ({
    kind: 'struct',
    name,
    size: 16,
    members: ['unused', 'x', 'y'].map((name, at) => ({ name, type, bitOffset: at * 32, bitSize: 0 })),
  });
  const kernel = readBtf(writeBtf([int, struct('of_kernel', 1), struct('not_asked', 1)]), 'kernel');
  const own: BtfType[] = [{ kind: 'typedef', name: 'number_t', type: 1 }, struct('of_module', kernel.count)];
  const module = readBtf(writeBtf(own, { base: kernel }), 'kernel module m', kernel);
  const asks = (type: string, field: string) =>
    openText(`struct ${type} { int ${field}; } __attribute__((preserve_access_index));
      SEC("xdp") int p(void *c) { return __builtin_preserve_field_info(((struct ${type} *)0)->${field}, 0); }`).spec;
  const specs = [asks('of_kernel', 'x'), asks('of_module', 'y'), asks('of_module', 'x')];
  const modules = () => ({ modules: [{ btf: module }], problem: undefined });
  const { bytes, types, members } = minimizeBtf(specs, { btf: kernel, modules });
  const minimal = readBtf(bytes, 'minimal');
  assert.deepEqual([types, members], [4, 3]);
  assert.deepEqual(contents(minimal), [
    'struct of_kernel',
    'struct of_kernel.x',
    'struct of_module',
    'struct of_module.x',
    'struct of_module.y',
    'typedef number_t',
  ]);
  for (const spec of specs) {
    const [program] = spec.programs;
    assert.ok(program);
    const whole = linkProgram(spec, program, { target: kernel, modules });
    assert.deepEqual(linkProgram(spec, program, { target: minimal }).code, whole.code);
  }
});
