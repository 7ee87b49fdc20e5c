import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnose } from './diagnose.js';
import { readLog } from './log.js';
import { logs } from './logs.test.support.js';
import { Refusal, type RefusedCode } from './refusal.js';

const code: RefusedCode = { name: 'p', type: 'xdp', license: 'GPL', size: 0, lines: [], functions: [] };

for (const [name, [log, reason, instruction]] of Object.entries(logs)) {
  test(`reason and instruction: ${name}`, () => {
    const refusal = new Refusal(readLog(log), code);
    assert.deepEqual([refusal.reason, refusal.instruction], [reason, instruction]);
  });
}

test('states before the last instruction, and the way to it, at level 1', () => {
  const { steps, states, totals, visits } = readLog(`0: R1=ctx() R10=fp0
; void *data = (void *)(long)c->data; @ x.c:4
0: (61) r2 = *(u32 *)(r1 +4)          ; R1=ctx() R2=pkt_end()
1: (61) r1 = *(u32 *)(r1 +0)          ; R1=pkt(r=0)
2: (bf) r3 = r1                       ; R1=pkt(r=0) R3=pkt(r=0)
3: (07) r3 += 14                      ; R3=pkt(off=14,r=0)
4: (2d) if r3 > r2 goto pc+4          ; R2=pkt_end() R3=pkt(off=14,r=14)
5: (85) call bpf_get_smp_processor_id#8       ; R0=scalar(smin=0,smax=umax=umax32=7,var_off=(0x0; 0x7))
6: (71) r1 = *(u8 *)(r3 +23)
invalid access to packet, off=37 size=1, R3(id=0,off=37,r=14)
R3 offset is outside of the packet
verification time 41 usec
stack depth 16+304
processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 3 peak_states 2 mark_read 0
`);
  assert.deepEqual(
    steps.map(({ instruction }) => instruction),
    [0, 1, 2, 3, 4, 5, 6],
  );
  assert.equal(steps[4]?.text, '(2d) if r3 > r2 goto pc+4');
  assert.deepEqual([...states.keys()].sort(), ['R0', 'R10'], 'the call took R1 to R5');
  assert.deepEqual([states.get('R0')?.minimum, states.get('R0')?.maximum], [0n, 7n]);
  assert.equal(visits.get(4), 1);
  assert.deepEqual(totals, {
    processed: 7,
    limit: 1000000,
    states: 3,
    peakStates: 2,
    stack: [16, 304],
    microseconds: 41,
  });
});

test('level 2: a branch that goes back leaves the way that was tried before it', () => {
  const { steps, states } = readLog(`0: R1=ctx() R10=fp0
0: (61) r2 = *(u32 *)(r1 +16)         ; R1=ctx() R2=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
1: (15) if r2 == 0x0 goto pc+2        ; R2=scalar(smin=umin=umin32=1,smax=umax=0xffffffff)
2: (b7) r0 = 2                        ; R0=2
3: (95) exit

from 1 to 4: R1=ctx() R2=0 R10=fp0
4: R1=ctx() R2=0 R10=fp0
4: (79) r0 = *(u64 *)(r2 +0)
R2 invalid mem access 'scalar'
processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`);
  assert.deepEqual(
    steps.map(({ instruction }) => instruction),
    [0, 1, 4],
  );
  assert.equal(states.get('R2')?.minimum, 0n);
  assert.equal(states.has('R0'), false);
});

test('a log that lost its beginning (6.4 and later) still has its end', () => {
  const { reasons, steps } = readLog(`ar_off=(0x0; 0xff))
7: (0f) r1 += r2                      ; R1=map_value(map=m,ks=4,vs=64,smin=smin32=0,smax=umax=smax32=umax32=64,var_off=(0x0; 0x7f))
8: (71) r0 = *(u8 *)(r1 +0)
invalid access to map value, value_size=64 off=64 size=1
R1 max value is outside of the allowed memory range
processed 13 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0
`);
  assert.equal(reasons.length, 2);
  assert.deepEqual(
    steps.map(({ instruction }) => instruction),
    [7, 8],
  );
});

test('a log that lost its end (before 6.4) says nothing wrong', () => {
  const { reasons, totals } = readLog('0: (b7) r0 = 2                        ; R0=2\n1: (95) ex');
  assert.deepEqual(reasons, []);
  assert.equal(totals, undefined);
});

test('the blocks of kernels after 6.18 are read, and are no part of the terse reason', () => {
  const { report, reasons } = readLog(`0: R1=ctx() R10=fp0
0: (61) r1 = *(u32 *)(r1 +12)         ; R1=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
1: (61) r0 = *(u32 *)(r1 +0)
R1 invalid mem access 'scalar'

Verification failed: Register Type Safety: Invalid dereference

Reason:
  R1 is an integer scalar here, not a pointer
  to memory.

At:
  p @ x.c:3:9
  Source context:
        2 | 	__u32 *p = (void *)(long)c->ingress_ifindex;
    >>> 3 | 	return *p;
          |         ^-- error: invalid dereference of R1 (an integer scalar)
  Instruction context:
        0 | (61) r1 = *(u32 *)(r1 +12)
    >>> 1 | (61) r0 = *(u32 *)(r1 +0)

Causal path:
  p @ x.c:2:29

Suggestion:
  Preserve a pointer-valued register where needed.

processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`);
  assert.deepEqual(report, {
    category: 'Register Type Safety',
    problem: 'Invalid dereference',
    reason: 'R1 is an integer scalar here, not a pointer to memory.',
    suggestion: 'Preserve a pointer-valued register where needed.',
    instruction: 1,
  });
  assert.deepEqual(reasons, ["R1 invalid mem access 'scalar'"]);
});

test('a report without any terse line is the reason itself, and its suggestion the mend', () => {
  const told = diagnose(
    '\nVerification failed: Policy: Something new\n\nReason:\n  It is forbidden.\n\nSuggestion:\n  Leave it.\n\n',
    code,
  );
  assert.deepEqual([told.kind, told.reason, told.mend], ['other', 'It is forbidden.', 'Leave it.']);
});
