/** Externs against kernels that are made up: what they answer is told, and never taken for zero. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBtf } from '../btf/btf.js';
import { readElf } from '../elf/elf.js';
import { XdpkitError } from '../errors/error.js';
import type { KernelSymbols } from '../linux/kernel-symbols.js';
import { compileText, openText } from '../object/compile-text.test.support.js';
import { type KernelAnswers, resolveExterns } from './resolve-externs.js';

function typesOf(source: string, where: string) {
  const section = readElf(compileText(source), where).sections.find(({ name }) => name === '.BTF');
  assert.ok(section);
  return readBtf(section.data, where);
}

const kernel = typesOf('int in_kernel(int a) { return a; } int variable;', 'the kernel');
/** Whole BTF, not split: what is looked up is the same. */
const module = typesOf('int in_module(int a) { return a; } long of_module;', 'kernel module mine');

function answers(addresses: readonly bigint[] = [], problem?: string): KernelAnswers {
  const symbols: KernelSymbols = {
    address: () => undefined,
    nameAt: () => undefined,
    around: () => undefined,
    addresses: () => [...addresses],
  };
  const fd = undefined as never;
  const modules = problem === undefined ? [{ name: 'mine', btf: module, fd }] : [];
  return { types: () => kernel, modules: { list: () => ({ modules, problem }) }, symbols: () => symbols };
}

function resolveAll(declarations: string, uses: string, kernelAnswers: KernelAnswers) {
  const { spec } = openText(`${declarations} SEC("xdp") int p(struct xdp_md *c) { return ${uses}; }`);
  return resolveExterns(spec, new Map(spec.externs.map(({ name }) => [name, ['p']])), kernelAnswers);
}

test('functions and variables are found in the kernel, then in its modules', () => {
  const found = resolveAll(
    `extern int in_kernel(int) __ksym; extern int in_module(int) __ksym; extern int variable __ksym; extern long of_module __ksym;`,
    'in_kernel(1) + in_module(1) + (long)&variable + (long)&of_module',
    answers(),
  );
  assert.deepEqual(Object.fromEntries(found), {
    in_kernel: { kind: 'btf', id: kernel.find('function', 'in_kernel'), module: undefined },
    in_module: { kind: 'btf', id: module.find('function', 'in_module'), module: 'mine' },
    variable: { kind: 'btf', id: kernel.find('variable', 'variable'), module: undefined },
    of_module: { kind: 'btf', id: module.find('variable', 'of_module'), module: 'mine' },
  });
});

test('modules that could not be looked at are told', () => {
  assert.throws(
    () => resolveAll('extern int in_module(int) __ksym;', 'in_module(1)', answers([], 'CAP_SYS_ADMIN is missing')),
    /modules could not be looked at \(CAP_SYS_ADMIN is missing\)$/,
  );
  const weak = 'extern int in_module(int) __ksym __weak;';
  const found = resolveAll(weak, 'in_module ? 1 : 0', answers([], 'CAP_SYS_ADMIN is missing')).get('in_module');
  assert.equal(found?.kind === 'absent' && found.unknown, true);
});

test('addresses that are hidden or doubtful are no addresses', () => {
  const symbol = (weak: string) => `extern const void symbol __ksym ${weak};`;
  assert.deepEqual(resolveAll(symbol(''), '(long)&symbol', answers([0x1234n])).get('symbol'), {
    kind: 'address',
    address: 0x1234n,
  });
  assert.throws(() => resolveAll(symbol(''), '(long)&symbol', answers([0n])), {
    code: 'EXTERN_UNRESOLVED',
    message: /hides its address: kernel\.kptr_restrict is \d/,
    hint: /kptr_restrict|CAP_SYSLOG/,
  });
  const hidden = resolveAll(symbol('__weak'), '(long)&symbol', answers([0n])).get('symbol');
  assert.equal(hidden?.kind === 'absent' && hidden.unknown, true);
  for (const weak of ['', '__weak']) {
    assert.throws(
      () => resolveAll(symbol(weak), '(long)&symbol', answers([1n, 2n])),
      /several symbols of that name, at 0x1 and 0x2$/,
    );
  }
  const absent = resolveAll(symbol('__weak'), '(long)&symbol', answers());
  assert.deepEqual(absent.get('symbol'), {
    kind: 'absent',
    reason: '/proc/kallsyms has no symbol of that name',
  });
});

test('a variable of another type is an error however weak, a function of another prototype is another function', () => {
  const wrongVariable = 'extern struct xdp_md variable __ksym __weak;';
  assert.throws(
    () => resolveAll(wrongVariable, '(long)&variable', answers()),
    /the kernel has it as int, the object declares struct xdp_md$/,
  );
  const wrongFunction = 'extern int in_kernel(int, int) __ksym';
  assert.throws(() => resolveAll(`${wrongFunction};`, 'in_kernel(1, 2)', answers()), { code: 'EXTERN_UNRESOLVED' });
  const found = resolveAll(`${wrongFunction} __weak;`, 'in_kernel ? in_kernel(1, 2) : 0', answers());
  assert.equal(found.get('in_kernel')?.kind, 'absent');
});

test('a kernel that does not tell its types leaves weak externs absent', () => {
  const silent: KernelAnswers = {
    ...answers(),
    types() {
      throw new XdpkitError('UNSUPPORTED', 'the running kernel does not tell its types: ENOENT');
    },
  };
  const source = 'extern int in_kernel(int) __ksym';
  assert.throws(
    () => resolveAll(`${source};`, 'in_kernel(1)', silent),
    /in_kernel \(in p\): the running kernel does not/,
  );
  assert.equal(resolveAll(`${source} __weak;`, 'in_kernel ? 1 : 0', silent).get('in_kernel')?.kind, 'absent');
});
