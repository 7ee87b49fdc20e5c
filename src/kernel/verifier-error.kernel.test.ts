/** Programs that the verifier refuses, each for another reason: what is said of them is the line and the reason. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openText } from '../object/compile-text.test.support.js';
import { VerifierError } from './verifier-error.js';

const map = `struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64); } m SEC(".maps");`;

/** The line that is refused is marked. */
const refused: Readonly<Record<string, readonly [source: string, reason: RegExp]>> = {
  'no bounds check': [
    `SEC("xdp") int p(struct xdp_md *c) {
	__u8 *d = (void *)(long)c->data;
	return d[3]; // HERE
}`,
    /^invalid access to packet, off=3 size=1, .*; R\d offset is outside of the packet$/,
  ],
  'a value that may be missing': [
    `${map}
SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&m, &key);
	return *value; // HERE
}`,
    /^R0 invalid mem access 'map_value_or_null'$/,
  ],
  'a loop without an end': [
    `SEC("xdp") int p(struct xdp_md *c) {
	volatile int i = 1;
	while (i) i++; // HERE
	return 2;
}`,
    /^infinite loop detected at insn \d+$/,
  ],
  'a write beyond the stack': [
    `SEC("xdp") int p(struct xdp_md *c) {
	asm volatile("*(u64 *)(r10 - 520) = r1"); // HERE
	return 2;
}`,
    /^invalid write to stack R10 off=-520 size=8$/,
  ],
  'a helper of another type of program': [
    `SEC("xdp") int p(struct xdp_md *c) {
	return bpf_skb_change_type((void *)c, 0); // HERE
}`,
    /^(program of this type cannot use helper|unknown func) bpf_skb_change_type#32$/,
  ],
  'a helper that does not exist': [
    `static long (*nothing)(void) = (void *)9999;
SEC("xdp") int p(struct xdp_md *c) {
	return nothing(); // HERE
}`,
    /^invalid func unknown#9999$/,
  ],
  'a register that nobody set': [
    `SEC("xdp") int p(struct xdp_md *c) {
	int r;
	asm volatile("%0 = r7" : "=r"(r)); // HERE
	return r;
}`,
    /^R7 !read_ok$/,
  ],
  'beyond the context': [
    `SEC("xdp") int p(struct xdp_md *c) {
	return *(__u32 *)((char *)c + 200); // HERE
}`,
    /^invalid bpf_context access off=200 size=4$/,
  ],
  'code that nothing reaches': [
    `SEC("xdp") int p(struct xdp_md *c) {
	asm volatile("r0 = 0; exit; r0 = 1"); // HERE
	return 2;
}`,
    /^unreachable insn 2$/,
  ],
  'a jump out of the program': [
    `SEC("xdp") int p(struct xdp_md *c) {
	asm volatile("goto +20"); // HERE
	return 2;
}`,
    /^jump out of range from insn 0 to 21$/,
  ],
  'arithmetic on a pointer that may be null': [
    `${map}
SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	char *value = bpf_map_lookup_elem(&m, &key);
	asm volatile("%0 += 4" : "+r"(value)); // HERE
	return value ? *value : 0;
}`,
    /^R\d pointer arithmetic on map_value_or_null prohibited, null-check it first$/,
  ],
  'a value reached without bounds': [
    `${map}
SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	char *value = bpf_map_lookup_elem(&m, &key);
	if (!value) return 0;
	value += c->ingress_ifindex;
	return *value; // HERE
}`,
    /^R\d unbounded memory access, make sure to bounds check any such access$/,
  ],
  'a write to a constant': [
    `volatile const int k = 3;
SEC("xdp") int p(struct xdp_md *c) {
	*(volatile int *)&k = 4; // HERE
	return 2;
}`,
    /^write into map forbidden, value_size=4 off=0 size=4$/,
  ],
  'a return value out of range': [
    `SEC("cgroup_skb/egress") int p(struct __sk_buff *c) {
	return 7; // HERE
}`,
    /^At program exit the register R0 has /,
  ],
  'in a function that is called': [
    `static __attribute__((noinline)) int first(__u8 *d) {
	return d[2]; // HERE
}
SEC("xdp") int p(struct xdp_md *c) {
	return first((void *)(long)c->data);
}`,
    /^invalid access to packet, off=2 size=1/,
  ],
};

function refusal(source: string, debug = true): VerifierError {
  try {
    openText(source, { debug }).load()[Symbol.dispose]();
  } catch (error) {
    assert.ok(error instanceof VerifierError, String(error));
    return error;
  }
  return assert.fail('the verifier took it');
}

for (const [name, [source, reason]] of Object.entries(refused)) {
  test(`refused: ${name}`, () => {
    const error = refusal(source);
    assert.match(error.reason, reason);
    const lines = source.split('\n');
    const marked = lines.findIndex((line) => line.includes('HERE'));
    assert.deepEqual([error.source?.line, error.source?.text], [marked + 1, lines[marked]?.trim()]);
    const place = `${error.source?.file}:${marked + 1}: \`${lines[marked]?.trim()}\``;
    assert.equal(error.message, `the verifier refused program "p" at ${place}: ${error.reason}`);
    assert.match(error.log ?? '', /processed \d+ insns/);
    assert.equal(error.code, 'VERIFIER');
  });
}

test('refused: too much stack in all, which is no line’s fault', () => {
  const error = refusal(`
static __attribute__((noinline)) int inner(int x) { volatile char b[300]; b[x & 255] = 1; return b[3]; }
SEC("xdp") int p(struct xdp_md *c) { volatile char b[300]; b[c->ingress_ifindex & 255] = 1; return b[3] + inner(b[5]); }`);
  assert.match(error.message, /^the verifier refused program "p": combined stack size of 2 calls is \d+\. Too large$/);
});

test('without debug information the instruction is told', () => {
  const error = refusal('SEC("xdp") int p(struct xdp_md *c) { return *(__u8 *)(long)c->data; }', false);
  assert.match(error.message, /^the verifier refused program "p" at instruction 1: invalid access to packet/);
});

const undeclared = `extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *context, __u32 *hash) __ksym;
SEC("xdp") int uses(struct xdp_md *c) { __u32 hash; return bpf_xdp_metadata_rx_hash(c, &hash); }
SEC("xdp") int plain(struct xdp_md *c) { return 2; }
SEC("xdp") int wrong(struct xdp_md *c) { return *(__u8 *)(long)c->data; }`;

test('BTF that the kernel refuses is told, and keeps no program from loading that does without', () => {
  const object = openText(undeclared);
  using loaded = object.load({ programs: ['plain'] });
  assert.match(loaded.btfRefusal?.message ?? '', /^load the BTF of x: .*Invalid/);
  assert.equal(loaded.program('plain').info().btfId, 0);
  assert.throws(() => object.load({ programs: ['uses'] }), {
    code: 'OBJECT_UNSUPPORTED',
    message: /refers in function uses to bpf_xdp_metadata_rx_hash/,
  });
  assert.throws(() => object.load({ programs: ['wrong'] }), {
    code: 'VERIFIER',
    message: /text\.c:4: `.*`: invalid access to packet/,
    hint: /^It was loaded without types, as the kernel refused to load the BTF of x/,
  });
  using sound = openText('SEC("xdp") int p(struct xdp_md *c) { return 2; }').load();
  assert.equal(sound.btfRefusal, undefined);
});
