import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnose, refusalKinds } from './diagnose.js';
import { words } from './words.test.support.js';

const code = { name: 'p', type: 'xdp', license: 'GPL', size: 2, lines: [], functions: [] };

for (const [release, reason, kind] of words) {
  test(`Linux ${release}: ${reason}`, () => {
    const told = diagnose(`0: R1=ctx() R10=fp0\n0: (71) r0 = *(u8 *)(r1 +3)\n${reason}\nprocessed 1 insns\n`, code);
    assert.equal(told.kind, kind);
    assert.ok(told.mend);
    assert.doesNotMatch(`${told.what} ${told.mend}`, /\bundefined(?! behaviour)|NaN/);
  });
}

test('every kind has words of a kernel', () => {
  const told = new Set(words.map(([, , kind]) => kind));
  assert.deepEqual(
    refusalKinds.filter((kind) => !told.has(kind)),
    ['program-size'],
  );
});

// As Linux 6.1 tells them.
test('a function that calls itself is not told as a loop', () => {
  const log = 'back-edge from insn 5 to 2\nprocessed 0 insns\n';
  const ofInstruction = (text: string) =>
    diagnose(log, { ...code, size: 8, instructionText: (at) => (at === 5 ? text : '(95) exit') }).kind;
  assert.equal(ofInstruction('(85) call pc-4'), 'recursion');
  assert.equal(ofInstruction('(05) goto pc-4'), 'infinite-loop');
});

test('the register of a size is found where it is not named, and a range of bits is told in numbers', () => {
  const size = diagnose(
    '0: R1=ctx(off=0,imm=0) R2_w=0 R3_w=fp-16 R4_w=scalar(umax=4294967295,var_off=(0x0; 0xffffffff)) R10=fp0\n0: (85) call bpf_xdp_load_bytes#189\ninvalid zero-sized read\nprocessed 1 insns\n',
    code,
  );
  assert.equal(size.register?.name, 'R4');
  assert.match(size.what, /a size that may be zero or too large/);
  const returned = diagnose(
    '0: R1=ctx(off=0,imm=0) R10=fp0\n0: (b7) r0 = 7 ; R0_w=7\n1: (95) exit\nAt program exit the register R0 has value (0x7; 0x0) should have been in (0x0; 0x3)\nprocessed 2 insns\n',
    code,
  );
  assert.equal(returned.what, 'it returns the number 7, where a number from 0 to 3 is wanted');
});
