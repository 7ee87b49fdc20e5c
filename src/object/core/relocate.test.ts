import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeInstructions } from '../../asm/instruction.js';
import { linkProgram, programNeedsTarget } from '../link.js';
import { readObject } from '../read.js';
import type { ProgramSpec } from '../spec.js';
import { btfOf, localPath, type Target, targetPath, targets } from './fixtures.test.support.js';
import { poisonedHelper } from './patch.js';
import { relocate } from './relocate.js';

const spec = readObject(readFileSync(localPath()), 'local.bpf.o');

function programOf(name: string): ProgramSpec {
  const program = spec.programs.find((each) => each.name === name);
  assert.ok(program, name);
  return program;
}

function link(name: string, target: Target) {
  return linkProgram(spec, programOf(name), { target: btfOf(targetPath(target), target) });
}

/** What each program of one question returns; `none` where the target has no answer. */
const answers: readonly [name: string, ...byTarget: (number | 'none')[]][] = [
  ['offset_a', 0, 392, 40024],
  ['offset_c', 8, 376, 40016],
  ['offset_nested', 36, 432, 'none'],
  ['offset_element', 60, 128, 'none'],
  ['offset_last_element', 64, 144, 'none'],
  ['offset_tail', 120, 'none', 40032],
  ['offset_one', 84, 336, 'none'],
  ['offset_two', 84, 352, 'none'],
  ['offset_second', 96, 888, 80056],
  ['offset_typedef', 0, 8, 'none'],
  ['offset_bits', 16, 368, 'none'],
  ['offset_missing', 88, 'none', 'none'],
  ['offset_retyped', 92, 'none', 'none'],
  ['offset_absent', 0, 'none', 'none'],
  ['offset_flavour', 'none', 464, 'none'],
  ['size_c', 8, 4, 4],
  ['size_list', 32, 336, 'none'],
  ['size_element', 8, 48, 'none'],
  ['size_wide', 8, 8, 'none'],
  ['exists_a', 1, 1, 1],
  ['exists_missing', 1, 0, 0],
  ['exists_retyped', 1, 0, 0],
  ['exists_element', 1, 1, 0],
  ['exists_flavour', 0, 1, 0],
  ['signed_a', 1, 1, 1],
  ['signed_b', 0, 0, 0],
  ['signed_low', 1, 1, 'none'],
  ['left_low', 64 - 24 - 5, 64 - 21 - 9, 'none'],
  ['right_low', 64 - 5, 64 - 9, 'none'],
  ['left_high', 64 - 7, 64 - 11, 'none'],
  ['right_high', 64 - 7, 64 - 11, 'none'],
  ['left_wide', 64 - 40, 64 - 21, 'none'],
  ['right_d', 48, 0, 'none'],
  ['target_id_absent', 1, 0, 0],
  ['type_exists', 1, 1, 1],
  ['type_exists_absent', 1, 0, 0],
  ['type_exists_word', 1, 1, 0],
  ['type_exists_callback', 1, 1, 0],
  ['type_size', 96, 496, 40032],
  ['type_size_absent', 4, 0, 0],
  ['type_size_enum', 4, 4, 4],
  ['matches_inner', 1, 0, 0],
  ['matches_sample', 1, 0, 0],
  ['matches_color', 1, 0, 0],
  ['matches_callback', 1, 0, 0],
  ['matches_typedef', 1, 0, 0],
  ['enumerator_exists', 1, 1, 0],
  ['enumerator_exists_gone', 1, 0, 0],
  ['enumerator_value', 5, 2, 'none'],
  ['enumerator_negative', -1, -7, 'none'],
  ['enumerator_gone', 9, 'none', 'none'],
  ['enumerator_flavour', 0, 1, 3],
  ['twice_same', 0, 0, 'none'],
];

targets.forEach((target, column) => {
  test(`what a program asks is answered from ${target}`, () => {
    for (const [name, ...byTarget] of answers) {
      const linked = link(name, target);
      const [first] = decodeInstructions(linked.code, true);
      const expected = byTarget[column];
      if (expected === 'none') {
        assert.equal(linked.unresolved.length, 1, name);
        assert.deepEqual([first?.opcode, first?.source, first?.immediate], [0x85, 0, poisonedHelper], name);
      } else {
        assert.deepEqual(linked.unresolved, [], name);
        assert.equal(BigInt.asIntN(32, BigInt(first?.immediate ?? 0)), BigInt(expected ?? Number.NaN), name);
      }
    }
  });
});

test("ids of types are the object's and the target's", () => {
  const idOf = (name: string, target: Target) =>
    Number(decodeInstructions(link(name, target).code, true)[0]?.immediate);
  for (const target of targets) {
    const btf = btfOf(targetPath(target), target);
    assert.equal(idOf('local_id', target), spec.btf?.find('struct', 'sample'));
    assert.equal(idOf('target_id', target), btf.find('struct', 'sample'));
  }
  const local = programOf('local_id');
  assert.equal(programNeedsTarget(spec, local), false);
  assert.equal(programNeedsTarget(spec, programOf('target_id')), true);
  assert.equal(programNeedsTarget(spec, programOf('in_function')), true);
  assert.equal(linkProgram(spec, local).unresolved.length, 0);
});

test('loads and stores take the new place and, where that keeps the value, the new size', () => {
  const at = (name: string, target: Target, index = 0) => decodeInstructions(link(name, target).code, true)[index];
  const [loadByte, loadWord, loadDouble] = [0x71, 0x61, 0x79];
  const access = (name: string, target: Target, index = 0) => {
    const instruction = at(name, target, index);
    return [instruction?.opcode, instruction?.offset];
  };
  assert.deepEqual(access('load_unsigned', 'SAME'), [loadWord, 4]);
  assert.deepEqual(access('load_unsigned', 'MOVED'), [loadByte, 372]);
  assert.deepEqual(access('load_wide', 'MOVED'), [loadWord, 376]);
  assert.deepEqual(access('load_pointer', 'MOVED'), [loadDouble, 472]);
  assert.deepEqual(access('store', 'MOVED', 1), [0x73, 372]);
  assert.deepEqual(access('store', 'MOVED', 2), [0x63, 376]);
  for (const name of ['load_short', 'load_signed']) {
    assert.match(link(name, 'MOVED').unresolved[0]?.problem ?? '', /MOVED has long \(8 bytes\) where the object has/);
  }
  assert.match(link('load_unsigned', 'BARE').unresolved[0]?.problem ?? '', /BARE has a bitfield where the object has/);
});

test('what has no answer is told by type, field and every candidate that was tried', () => {
  const problem = (name: string, target: Target) => link(name, target).unresolved.map((each) => each.problem);
  assert.match(
    problem('offset_missing', 'MOVED')[0] ?? '',
    /^it asks for the offset of struct sample\.missing, which MOVED lacks: struct sample \(type \d+\) has no member missing$/,
  );
  assert.deepEqual(problem('offset_absent', 'MOVED'), [
    'it asks for the offset of struct absent.a, which MOVED lacks: it has no type of that name and kind',
  ]);
  assert.match(
    problem('offset_element', 'BARE')[0] ?? '',
    /struct sample\.list\[2\]\.y, .* has list as int, which cannot/,
  );
  assert.match(problem('offset_tail', 'MOVED')[0] ?? '', /struct sample\.tail\[6\], .* has an array of 3 without/);
  assert.match(problem('twice_narrowed', 'BARE')[0] ?? '', /struct twice\.only_one/);
  const guarded = link('load_guarded', 'MOVED');
  assert.deepEqual(
    guarded.unresolved.map(({ at }) => at),
    [2, 8],
  );
});

test('an instruction is counted from the start of the linked program, wherever its function lies', () => {
  const { code, unresolved } = link('in_function', 'BARE');
  const poisoned = decodeInstructions(code, true).findIndex(({ immediate }) => immediate === poisonedHelper);
  assert.deepEqual(
    unresolved.map(({ at }) => at),
    [poisoned],
  );
  assert.ok(poisoned >= 2);
});

test('types of one name that disagree are an error that names both; one that fails a question is left out after', () => {
  assert.throws(() => link('twice_differing', 'MOVED'), {
    code: 'CORE_RELOCATION',
    message:
      /Program twice_differing of local .*local\.bpf\.c:\d+: .* asks for the offset of struct twice\.differing, but .* struct twice___2 \(type \d+\) answers 16 .*, struct twice \(type \d+\) 4 /,
  });
  assert.throws(() => link('twice_id', 'MOVED'), { code: 'CORE_RELOCATION' });
  const narrowed = decodeInstructions(link('twice_narrowed', 'MOVED').code, true);
  assert.deepEqual([narrowed[0]?.immediate, narrowed[1]?.immediate], [20, 16]);
});

test('a field beyond the reach of a load is refused with its line', () => {
  assert.throws(() => link('load_wide', 'BARE'), {
    code: 'CORE_RELOCATION',
    message: /`return sample->c;`\) asks for the offset of struct sample\.c, but the field is at 40016 now/,
  });
});

test('without a target, what is asked is named', () => {
  assert.throws(() => linkProgram(spec, programOf('in_function')), {
    code: 'OBJECT_UNSUPPORTED',
    message:
      /none were given: function beside, instruction \d+ \(.*`return sample->color;`\) asks for .* struct sample\.color/,
  });
});

test('relocating changes neither the spec nor the target', () => {
  const before = spec.functions.map(({ code }) => new Uint8Array(code));
  const target = btfOf(targetPath('MOVED'), 'MOVED');
  const bytes = new Uint8Array(target.bytes);
  for (const name of ['load_missing', 'store', 'enumerator_gone']) linkProgram(spec, programOf(name), { target });
  assert.deepEqual(
    spec.functions.map(({ code }) => new Uint8Array(code)),
    before,
  );
  assert.deepEqual(new Uint8Array(target.bytes), bytes);
});

test('big-endian code is relocated in its own byte order', () => {
  const big = readObject(readFileSync(localPath('bpfeb')), 'big.bpf.o');
  const target = btfOf(targetPath('MOVED', 'bpfeb'), 'MOVED');
  const answer = (name: string) => {
    const program = big.programs.find((each) => each.name === name);
    const found = program && big.functions[program.function];
    assert.ok(program && found);
    const [relocated] = relocate(big, program, [found], { btf: target });
    const [first] = decodeInstructions(relocated?.code ?? new Uint8Array(), false);
    return [first?.immediate, first?.offset];
  };
  assert.deepEqual(answer('offset_nested'), [432, 0]);
  assert.deepEqual(answer('load_unsigned'), [0, 372]);
  // Bits count from the other end: behind the 11 of `high`, 38 of `odd` and 21 of `wide`, at bit 6 of byte 376's word.
  assert.equal(answer('left_high')[0], 0);
  assert.equal(answer('right_high')[0], 64 - 11);
});
