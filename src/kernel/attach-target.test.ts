/** Targets in kernels that are made up: no module with types need be loaded here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Btf, readBtf } from '../btf/btf.js';
import { readElf } from '../elf/elf.js';
import type { FileDescriptor } from '../linux/file-descriptor.js';
import { compileText } from '../object/compile-text.test.support.js';
import { type AttachTarget, type KernelTypes, resolveAttachTarget } from './attach-target.js';

function typesOf(source: string, where: string): Btf {
  const section = readElf(compileText(source), where).sections.find(({ name }) => name === '.BTF');
  assert.ok(section);
  return readBtf(section.data, where);
}

const own = typesOf(
  'typedef void (*btf_trace_both)(void *); btf_trace_both keep; int both(int a) { return a; } int bpf_lsm_both(int a) { return a; }',
  'the kernel',
);
const ofModule = typesOf(
  'int filler; int both(int a) { return a; } int alone(int a) { return a; }',
  'kernel module mine',
);
/** Never a descriptor of this process. */
const moduleFd = 4711;

function kernel(problem?: string): KernelTypes {
  const fd = { number: moduleFd } as FileDescriptor;
  const modules = problem === undefined ? [{ name: 'mine', btf: ofModule, fd }] : [];
  return { types: () => own, modules: { list: () => ({ modules, problem }) } };
}

function resolve(attachTo: string, attachType = 'trace_fentry', from = kernel()): AttachTarget | undefined {
  const wish = { name: 'p', type: 'tracing', attachType, attachTo, attachProgram: undefined };
  return resolveAttachTarget(wish, from);
}

test('the kernel comes first, then its modules, or only one of them', () => {
  const there = own.find('function', 'both');
  assert.deepEqual(resolve('both'), { btfId: there, fd: undefined });
  assert.deepEqual(resolve('vmlinux:both'), { btfId: there, fd: undefined });
  assert.deepEqual(resolve('mine:both'), { btfId: ofModule.find('function', 'both'), fd: moduleFd });
  assert.deepEqual(resolve('alone'), { btfId: ofModule.find('function', 'alone'), fd: moduleFd });
  for (const absent of ['vmlinux:alone', 'other:alone', 'neither']) {
    assert.throws(() => resolve(absent), { code: 'TARGET_NOT_FOUND' }, absent);
  }
});

test('the same word is another thing for another kind of program', () => {
  assert.equal(resolve('both', 'trace_raw_tp')?.btfId, own.find('typedef', 'btf_trace_both'));
  assert.equal(resolve('both', 'lsm_mac')?.btfId, own.find('function', 'bpf_lsm_both'));
  assert.throws(() => resolve('both', 'trace_iter'), { code: 'TARGET_NOT_FOUND', message: /is for iterator "both"/ });
});

test('modules that could not be looked at are told', () => {
  assert.throws(() => resolve('alone', 'trace_fentry', kernel('CAP_SYS_ADMIN is missing')), {
    code: 'TARGET_NOT_FOUND',
    message: /its modules could not be looked at: CAP_SYS_ADMIN is missing/,
  });
});

test('programs that are told at attach have no target at load', () => {
  const wish = { name: 'p', type: 'kprobe', attachType: undefined, attachTo: 'nowhere', attachProgram: undefined };
  assert.equal(resolveAttachTarget(wish, kernel()), undefined);
});
