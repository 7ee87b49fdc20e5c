/** Logs of older and newer kernels, written after the sources of those releases. */

/** The last lines of logs, in the ways that kernels have written them. */
export const logs: Readonly<Record<string, readonly [log: string, reason: string, instruction: number | undefined]>> = {
  'Linux 5.4: states in lines of their own, "inv" for numbers': [
    `0: (b7) r0 = 0
1: (61) r2 = *(u32 *)(r1 +0)
2: (71) r0 = *(u8 *)(r2 +3)
invalid access to packet, off=3 size=1, R2(id=0,off=3,r=0)
R2 offset is outside of the packet
processed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    'invalid access to packet, off=3 size=1, R2(id=0,off=3,r=0); R2 offset is outside of the packet',
    2,
  ],
  'Linux 5.10: a state after a branch': [
    `; value = bpf_map_lookup_elem(&m, &key);
5: (85) call bpf_map_lookup_elem#1
from 6 to 8: R0_w=map_value(id=0,off=0,ks=4,vs=8,imm=0) R10=fp0 fp-8=mmmm????
8: R0_w=inv(id=0) R10=fp0
8: (79) r0 = *(u64 *)(r0 +0)
 R0=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0) R10=fp0 fp-8=mmmm????
R0 invalid mem access 'map_value_or_null'
processed 9 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    "R0 invalid mem access 'map_value_or_null'",
    8,
  ],
  'Linux 6.1: states behind instructions': [
    `func#0 @0
0: R1=ctx(off=0,imm=0) R10=fp0
; return d[3]; @ nowhere
0: (61) r1 = *(u32 *)(r1 +0)          ; R1_w=pkt(off=0,r=0,imm=0)
1: (71) r0 = *(u8 *)(r1 +3)
invalid access to packet, off=3 size=1, R1(id=0,off=3,r=0)
R1 offset is outside of the packet
verification time 41 usec
stack depth 0
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    'invalid access to packet, off=3 size=1, R1(id=0,off=3,r=0); R1 offset is outside of the packet',
    1,
  ],
  'Linux 6.1: in a function that is called': [
    `3: (85) call pc+2
caller:
 R10=fp0
callee:
 frame1: R1_w=pkt(off=0,r=0,imm=0) R10=fp0
6: frame1: R1_w=pkt(off=0,r=0,imm=0) R10=fp0
6: (71) r0 = *(u8 *)(r1 +2)
invalid access to packet, off=2 size=1, R1(id=0,off=2,r=0)
R1 offset is outside of the packet
processed 4 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    'invalid access to packet, off=2 size=1, R1(id=0,off=2,r=0); R1 offset is outside of the packet',
    6,
  ],
  'Linux 6.12: a precise search before the refusal': [
    `7: (85) call bpf_probe_read_kernel#113
mark_precise: frame0: last_idx 7 first_idx 0 subseq_idx -1
mark_precise: frame0: regs=r2 stack= before 6: (bf) r2 = r6
mark_precise: frame0: parent state regs=r6 stack=: R6=scalar()
invalid indirect access to stack R1 off=-8 size=64
processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    'invalid indirect access to stack R1 off=-8 size=64',
    7,
  ],
  'Linux 6.18: a loop, told behind its last instruction': [
    `7: (61) r1 = *(u32 *)(r10 -4)         ; R1=scalar(smin=0,smax=umax=0xffffffff) R10=fp0 fp-8=mmmm????
8: (55) if r1 != 0x0 goto pc-5 infinite loop detected at insn 4
cur state: R1=scalar(smin=umin=umin32=1,smax=umax=0xffffffff) R10=fp0 fp-8=mmmm????
old state: R1=scalar(smin=umin=umin32=1,smax=umax=0xffffffff) R10=fp0 fp-8=mmmm????
processed 24 insns (limit 1000000) max_states_per_insn 0 total_states 2 peak_states 2 mark_read 0
`,
    'infinite loop detected at insn 4',
    4,
  ],
  'Linux 6.18: a global function that callers do not fit': [
    `Validating f() func#1...
4: R1=mem_or_null(sz=4) R10=fp0
Func#1 ('g') is global and assumed valid.
4: (61) r0 = *(u32 *)(r1 +0)
R1 invalid mem access 'mem_or_null'
processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    "R1 invalid mem access 'mem_or_null'",
    4,
  ],
  'before any instruction: control flow': [
    'back-edge from insn 3 to 1\nprocessed 0 insns (limit 1000000) max_states_per_insn 0\n',
    'back-edge from insn 3 to 1',
    3,
  ],
  'about the program as a whole': [
    'combined stack size of 2 calls is 608. Too large\nverification time 50 usec\nstack depth 304+304\nprocessed 20 insns\n',
    'combined stack size of 2 calls is 608. Too large',
    undefined,
  ],
  'too complex': [
    `9: (bf) r1 = r2
BPF program is too large. Processed 1000001 insn
processed 1000001 insns (limit 1000000) max_states_per_insn 4 total_states 9000 peak_states 9000 mark_read 3
`,
    'BPF program is too large. Processed 1000001 insn',
    9,
  ],
  'nothing said': ['0: (95) exit\nprocessed 1 insns\n', 'it gave no reason in its log', 0],
};
