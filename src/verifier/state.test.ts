import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeState, readState, readStates } from './state.js';

const words: readonly (readonly [release: string, text: string, words: string])[] = [
  ['6.18', 'pkt(off=14,r=34)', 'a pointer into the packet, at byte 14, with 34 bytes proven'],
  ['5.4', 'pkt(id=0,off=14,r=34,imm=0)', 'a pointer into the packet, at byte 14, with 34 bytes proven'],
  [
    '6.18',
    'pkt(id=1,r=0,smin=smin32=0,smax=umax=smax32=umax32=60,var_off=(0x0; 0x3c))',
    'a pointer into the packet, at byte 0 to 60, with no byte proven',
  ],
  [
    '6.18',
    'map_value(map=counters,ks=4,vs=64,off=8)',
    'a pointer into a value of map "counters" of 64 bytes, at byte 8',
  ],
  ['5.4', 'map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0)', 'NULL or a pointer to a map value of 8 bytes'],
  [
    '6.18',
    'ringbuf_mem_or_null(id=2,ref_obj_id=2,sz=8)',
    'NULL or a pointer to a reservation in a ring buffer of 8 bytes',
  ],
  ['5.15', 'mem(id=0,ref_obj_id=2,off=0,imm=0)', 'a pointer into memory'],
  ['6.18', 'scalar()', 'a number of which nothing is known'],
  ['4.19', 'inv(id=0)', 'a number of which nothing is known'],
  ['4.19', 'inv5', 'the number 5'],
  ['5.15', 'invP-1', 'the number -1'],
  ['6.18', '-8', 'the number -8'],
  ['6.18', 'P0x1f', 'the number 31'],
  ['5.4', 'inv(id=0,umax_value=255,var_off=(0x0; 0xff))', 'a number from 0 to 255'],
  ['6.18', 'scalar(smin=0xffffffff80000000,smax=0x7fffffff)', 'a number from -2147483648 to 2147483647'],
  [
    '6.18',
    'scalar(id=3,smin=umin=umin32=4,smax=umax=0x1ffffffff,smin32=0x80000004,var_off=(0x4; 0x1fffffffb))',
    'a number from 4 to 8589934591',
  ],
  ['6.18', 'scalar(smax=63)', 'a number up to 63 that may be negative'],
  ['6.18', 'fp-16', 'an address on the stack, fp-16'],
  ['6.18', 'fp[0]-4', 'an address on the stack, fp-4'],
  ['6.18', 'ctx()', 'the context'],
  ['5.4', 'ctx(id=0,off=8,imm=0)', 'the context, moved to byte 8'],
  ['6.18', 'map_ptr(map=m,ks=4,vs=8)', 'map "m"'],
  ['6.18', 'sock_or_null(id=2,ref_obj_id=2)', 'NULL or a socket'],
  ['6.18', 'rcu_ptr_or_null_task_struct(id=2)', 'NULL or a pointer of type rcu_ptr_or_null_task_struct'],
];

for (const [release, text, expected] of words) {
  test(`register of Linux ${release}: ${text}`, () => assert.equal(describeState(readState(text)), expected));
}

test('the registers of a line, of all releases', () => {
  const names = (line: string) => [...readStates(line).keys()];
  assert.deepEqual(
    names(
      ' R0=inv5 R1=ctx(id=0,off=0,imm=0) R6_w=inv(id=0,umax_value=255,var_off=(0x0; 0xff)) R10=fp0,call_-1 fp-8=mmmm????',
    ),
    ['R0', 'R1', 'R6', 'R10', 'fp-8'],
  );
  assert.deepEqual(names('frame1: R1=fp[0]-4 R6_rw=fp[0]-4 R10=fp0 refs=2'), ['R1', 'R6', 'R10']);
});
