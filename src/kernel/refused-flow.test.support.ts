/** Programs that the verifier refuses for their registers, their size and the way through them. */
import type { RefusedProgram } from './refused-programs.test.support.js';

export const refusedForFlow: readonly RefusedProgram[] = [
  {
    name: 'a loop without an end',
    kind: 'infinite-loop',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	volatile int i = 1;
	while (i) i++; // ← here
	return XDP_PASS;
}`,
    what: /a loop that the verifier comes round/,
    mend: /for \(int/,
  },
  {
    name: 'a loop whose turns are too many to follow',
    kind: 'too-complex',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	__u32 sum = c->rx_queue_index;
	for (__u32 i = 0; i < 2000000; i++) asm volatile("%0 += 1; %0 ^= 3; %0 |= 4" : "+r"(sum)); // ← here
	return sum & 1;
}`,
    what: /after 1,000,001 instructions, of late mostly in line 3 \(100 %\)/,
    mend: /bpf_loop/,
  },
  {
    name: 'code that nothing reaches',
    kind: 'unreachable',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	asm volatile("r0 = 0; exit; r0 = 1"); // ← here
	return XDP_PASS;
}`,
    what: /nothing reaches instruction 2/,
    mend: /inline assembly/,
  },
  {
    name: 'a jump out of the program',
    kind: 'jump-range',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	asm volatile("goto +20"); // ← here
	return XDP_PASS;
}`,
    what: /instruction 0 jumps to 21/,
    mend: /label/,
  },
  {
    name: 'a program that does not end',
    kind: 'no-exit',
    source: `SEC("xdp") __attribute__((naked)) int p(struct xdp_md *c) {
	asm volatile("r0 = 2"); // ← here
}`,
    what: /beyond its last instruction/,
    mend: /return/,
  },
  {
    name: 'a register that nobody set',
    kind: 'uninitialised-register',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	int r;
	asm volatile("%0 = r7" : "=r"(r)); // ← here
	return r;
}`,
    what: /uses R7, which holds nothing/,
    mend: /value/,
  },
  {
    name: 'a program that returns nothing',
    kind: 'uninitialised-register',
    source: `SEC("xdp") __attribute__((naked)) int p(struct xdp_md *c) {
	asm volatile("exit"); // ← here
}`,
    what: /return/,
    mend: /return XDP_PASS/,
  },
  {
    name: 'arithmetic on the end of the packet',
    kind: 'pointer-arithmetic',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	__u8 *data = (void *)(long)c->data, *data_end = (void *)(long)c->data_end;
	asm volatile("%0 += -4" : "+r"(data_end)); // ← here
	return data > data_end;
}`,
    what: /end of the packet/,
    mend: /data \+ /,
  },
  {
    name: 'the sum of two pointers',
    kind: 'pointer-arithmetic',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	__u64 data = c->data;
	asm volatile("%0 += %1" : "+r"(data) : "r"(c)); // ← here
	return data;
}`,
    what: /adds two pointers/,
    mend: /number/,
  },
  {
    name: 'the start of the packet as the number that C takes it for',
    kind: 'pointer-arithmetic',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	if (c->data + 14 > c->data_end) return XDP_DROP; // ← here
	return XDP_PASS;
}`,
    what: /a pointer into the packet/,
    mend: /Cast the context's field .*`\(void \*\)\(long\)c->data`/,
    mended: ['c->data + 14 > c->data_end', '(void *)(long)c->data + 14 > (void *)(long)c->data_end'],
  },
  {
    name: 'bits of a pointer',
    kind: 'pointer-arithmetic',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	__u64 data = c->data;
	asm volatile("%0 &= 7" : "+r"(data)); // ← here
	return data;
}`,
    what: /&=/,
    mend: /number/,
  },
  {
    name: 'an offset of the packet without a bound',
    kind: 'pointer-arithmetic',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	__u8 *data = (void *)(long)c->data;
	long at = (int)c->rx_queue_index;
	data += at; // ← here
	if ((void *)(data + 1) > (void *)(long)c->data_end) return XDP_PASS;
	return *data;
}`,
    what: /by an offset without a lower bound \(a number from -2147483648 to 2147483647\)/,
    mend: /&=|if \(/,
  },
  {
    name: 'the frame pointer written',
    kind: 'frame-pointer',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	asm volatile("r10 = 0"); // ← here
	return XDP_PASS;
}`,
    what: /writes R10/,
    mend: /another register/,
  },
  {
    name: 'an instruction that no kernel has',
    kind: 'invalid-instruction',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	asm volatile(".byte 0xff, 0, 0, 0, 0, 0, 0, 0"); // ← here
	return XDP_PASS;
}`,
    what: /opcode 0xff/,
    mend: /-mcpu/,
  },
  {
    name: 'too much stack in all',
    kind: 'stack-size',
    source: `static __attribute__((noinline)) int inner(int x) { volatile char b[300]; b[x & 255] = 1; return b[3]; }
SEC("xdp") int p(struct xdp_md *c) { volatile char b[300]; b[c->ingress_ifindex & 255] = 1; return b[3] + inner(b[5]); }`,
    what: /p \(\d+ bytes\).*inner \(\d+ bytes\)/,
    mend: /per-CPU array/,
  },
  {
    name: 'calls nine deep',
    kind: 'call-depth',
    source: `${[9, 8, 7, 6, 5, 4, 3, 2, 1]
      .map(
        (at, index) =>
          `static __attribute__((noinline)) int f${at}(int *x) { *x += ${at}; return ${index === 0 ? '*x' : `f${at + 1}(x) + *x`}; }${at === 7 ? ' // ← here' : ''}`,
      )
      .join('\n')}
SEC("xdp") int p(struct xdp_md *c) { int x = c->rx_queue_index; return f1(&x); }`,
    what: /9 functions deep, .* f6 → f7$/,
    mend: /inline/,
  },
  {
    name: 'a function that calls itself',
    kind: 'recursion',
    source: `static __attribute__((noinline)) int f(volatile int *x) {
	*x -= 1;
	if (*x & 1) return f(x) * 3 + *x; // ← here
	return *x;
}
SEC("xdp") int p(struct xdp_md *c) { volatile int x = c->rx_queue_index; return f(&x); }`,
    what: /itself/,
    mend: /loop/,
  },
  {
    name: 'a return value out of range',
    kind: 'return-value',
    source: `SEC("cgroup_skb/egress") int p(struct __sk_buff *c) {
	return 7; // ← here
}`,
    what: /returns the number 7, where a number from 0 to 3 is wanted/,
    mend: /if \(result < 0 \|\| result > 3\) return 0;/,
    mended: ['return 7;', 'return 1;'],
  },
  {
    name: 'a pointer as what is returned',
    kind: 'return-value',
    source: `SEC("cgroup_skb/egress") int p(struct __sk_buff *c) {
	asm volatile("r0 = %0; exit" :: "r"(c) : "r0"); // ← here
	__builtin_unreachable();
}`,
    what: /pointer/,
    mend: /number/,
  },
  {
    name: 'an atomic operation on the context',
    kind: 'atomic',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	__sync_fetch_and_add(&c->data, 1); // ← here
	return XDP_PASS;
}`,
    what: /context/,
    mend: /map value|stack/,
  },
  {
    name: 'a packet access of the classic kind',
    kind: 'packet-instruction',
    source: `unsigned long long load_byte(void *skb, unsigned long long off) asm("llvm.bpf.load.byte");
SEC("xdp") int p(struct xdp_md *c) {
	return load_byte(c, 12); // ← here
}`,
    what: /classic BPF/,
    mend: /data_end|bpf_xdp_load_bytes/,
  },
];
