/** Relocations against libbpf's, instruction by instruction. libbpf tells its answers only on the way into a kernel. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Btf } from '../../btf/btf.js';
import { readBtf } from '../../btf/btf.js';
import { XdpkitError } from '../../errors/error.js';
import { linkProgram } from '../link.js';
import { readObject } from '../read.js';
import type { ObjectSpec, ProgramSpec } from '../spec.js';
import { btfOf, compileText, localPath, targetPath, targets } from './fixtures.test.support.js';
import { relocateByLibbpf } from './libbpf.test.support.js';
import { randomTypes } from './random.test.support.js';

const vmlinux = '/sys/kernel/btf/vmlinux';
const folder = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/bpf`;

/** Instructions in hexadecimal; what maps are called there is left out, and where functions come to lie. */
function lines(code: Uint8Array): string[] {
  return Array.from({ length: code.length / 8 }, (_, index) => {
    const bytes = Buffer.from(code.subarray(index * 8, index * 8 + 8));
    const source = (bytes[1] ?? 0) >> 4;
    if ((bytes[0] === 0x18 && source !== 0) || (bytes[0] === 0x85 && source === 1)) bytes.fill(0, 4);
    return bytes.toString('hex');
  });
}

/** Asserts the same code, or that both refuse; tells which it was. */
function compare(path: string, spec: ObjectSpec, program: ProgramSpec, target: Btf, targetFile?: string): string {
  const theirs = relocateByLibbpf(path, program.name, targetFile);
  let ours: Uint8Array;
  try {
    ours = linkProgram(spec, program, { target }).code;
  } catch (error) {
    if (!(error instanceof XdpkitError)) throw error;
    assert.equal(theirs, undefined, `${program.name}: libbpf relocates what is refused here: ${error.message}`);
    assert.equal(error.code, 'CORE_RELOCATION');
    return 'refused';
  }
  assert.ok(theirs, `${program.name}: libbpf refuses what is relocated here`);
  assert.deepEqual(lines(ours), lines(theirs), program.name);
  return 'relocated';
}

for (const target of targets) {
  test(`every program of local.bpf.c becomes for ${target} what libbpf makes of it`, () => {
    const path = localPath();
    const spec = readObject(readFileSync(path), 'local.bpf.o');
    const targetFile = targetPath(target);
    const btf = btfOf(targetFile, target);
    const ends = spec.programs.map((program) => compare(path, spec, program, btf, targetFile));
    assert.ok(ends.filter((end) => end === 'relocated').length > ends.length * 0.9);
    assert.equal(ends.includes('refused'), target !== 'SAME');
  });
}

test("Debian's objects become for the running kernel what libbpf makes of them", () => {
  const btf = readBtf(readFileSync(vmlinux), vmlinux);
  let relocations = 0;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.o'))) {
    const path = `${folder}/${file}`;
    const spec = readObject(readFileSync(path), file);
    for (const program of spec.programs) {
      assert.equal(compare(path, spec, program, btf), 'relocated');
      relocations += spec.functions[program.function]?.coreRelocations.length ?? 0;
    }
  }
  assert.ok(relocations > 10, 'no object asks for a relocation');
});

test('random structs become for random kernels what libbpf makes of them', () => {
  const seed = Number(process.env.XDPKIT_CORE_SEED ?? randomInt(2 ** 31));
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % limit;
  };
  const { local, target } = randomTypes(below, 40);
  const [path, targetFile] = [compileText(local, 'random-local'), compileText(target, 'random-target')];
  const spec = readObject(readFileSync(path), 'random.bpf.o');
  const btf = btfOf(targetFile, 'random');
  try {
    for (const program of spec.programs) compare(path, spec, program, btf, targetFile);
  } catch (error) {
    throw new Error(`repeat with XDPKIT_CORE_SEED=${seed}: ${error}\n${local}\n${target}`, { cause: error });
  }
});
