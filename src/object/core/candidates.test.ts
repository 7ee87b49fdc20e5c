/** Types that only the kernel's modules have, in modules that are made up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeInstructions } from '../../asm/instruction.js';
import { type Btf, readBtf } from '../../btf/btf.js';
import type { BtfType } from '../../btf/types.js';
import { writeBtf } from '../../btf/write.js';
import { openText } from '../compile-text.test.support.js';
import { linkProgram } from '../link.js';
import type { ModulesOfTarget } from './candidates.js';

const { spec } = openText(`
  #define core __attribute__((preserve_access_index))
  struct in_both { int x; } core;
  struct in_module { int x; } core;
  struct in_two { int x; int only; } core;
  struct nowhere { int x; } core;
  #define offset(type, field) __builtin_preserve_field_info(((struct type *)0)->field, 0)
  SEC("xdp") int both(void *c) { return offset(in_both, x); }
  SEC("xdp") int module(void *c) { return offset(in_module, x); }
  SEC("xdp") int two(void *c) { return offset(in_two, x); }
  SEC("xdp") int narrowed(void *c) { return offset(in_two, only) + offset(in_two, x); }
  SEC("xdp") int missing(void *c) { return offset(nowhere, x); }
`);

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

/** A struct with ints at these bytes; int is type 1. */
function struct(name: string, fields: Readonly<Record<string, number>>): BtfType {
  const members = Object.entries(fields).map(([name, at]) => ({ name, type: 1, bitOffset: at * 8, bitSize: 0 }));
  return { kind: 'struct', name, size: 64, members };
}

const kernel = readBtf(writeBtf([int, struct('in_both', { x: 4 })]), 'the kernel');

function module(name: string, ...types: BtfType[]): { readonly btf: Btf } {
  return { btf: readBtf(writeBtf(types, { base: kernel }), `kernel module ${name}`, kernel) };
}

function link(name: string, given: Partial<ModulesOfTarget>, target = kernel) {
  let asked = 0;
  const list: ModulesOfTarget = { modules: [], problem: undefined, ...given };
  const modules = () => {
    asked += 1;
    return list;
  };
  const program = spec.programs.find((each) => each.name === name);
  assert.ok(program);
  const { code, unresolved } = linkProgram(spec, program, { target, modules });
  return { value: Number(decodeInstructions(code, true)[0]?.immediate), unresolved, asked };
}

test('a type that the kernel lacks is looked for in its modules, and only then', () => {
  const modules = [module('one', struct('in_both', { x: 8 })), module('two', struct('in_module', { x: 12 }))];
  assert.deepEqual(link('both', { modules }), { value: 4, unresolved: [], asked: 0 });
  assert.deepEqual(link('module', { modules }), { value: 12, unresolved: [], asked: 1 });
});

test('an answer is not kept for other modules: they come and go', () => {
  const types = (at: number) => ({ modules: [module('same', struct('in_module', { x: at }))] });
  assert.equal(link('module', {}).unresolved.length, 1);
  assert.deepEqual(
    [16, 20].map((at) => link('module', types(at)).value),
    [16, 20],
  );
  assert.equal(link('module', {}).unresolved.length, 1);
});

test('types of several modules have to agree, and are told apart by their modules', () => {
  // Modules number their own types from the same id on.
  const modules = [module('one', struct('in_two', { x: 8 })), module('two', struct('in_two', { x: 12, only: 16 }))];
  assert.throws(() => link('two', { modules }), {
    code: 'CORE_RELOCATION',
    message:
      /in the kernel disagree: struct in_two \(type 3 of kernel module one\) answers 8 .*, struct in_two \(type 3 of kernel module two\) 12 /,
  });
  assert.equal(link('two', { modules: modules.slice(1) }).value, 12);
  assert.deepEqual(link('narrowed', { modules }).unresolved, []);
});

test('what no module has either, and modules that could not be looked at, are told', () => {
  const problem = (given: Partial<ModulesOfTarget>) => link('missing', given).unresolved.map((each) => each.problem);
  const [none] = problem({ modules: [module('one'), module('two')] });
  assert.match(none ?? '', /which the kernel lacks: .* kind, nor has one of its 2 modules with types$/);
  const [hidden] = problem({ problem: 'CAP_SYS_ADMIN is missing' });
  assert.match(hidden ?? '', /kind, and its modules could not be looked at \(CAP_SYS_ADMIN is missing\)$/);
  assert.deepEqual(link('missing', {}).unresolved[0]?.missing, { kind: 'struct', name: 'nowhere' });
});

test('split BTF as the target: its own types stand behind those of its base', () => {
  const { btf } = module('given', struct('in_both', { x: 8 }), struct('in_module', { x: 12 }));
  assert.equal(link('both', {}, btf).value, 4);
  assert.equal(link('module', {}, btf).value, 12);
});
