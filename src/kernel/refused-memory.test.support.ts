/**
 * Programs that the verifier refuses for what they read and write. The line that it blames ends with `// ← here`; what
 * it is replaced with, `mended`, is what the error tells to write.
 */
import type { RefusedProgram } from './refused-programs.test.support.js';

const headers = '#include <linux/if_ether.h>\n#include <linux/ip.h>\n';
const hash = `struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64); } m SEC(".maps");\n`;
const array = `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, char[64]); } a SEC(".maps");\n`;
const ring = `struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } r SEC(".maps");\n`;
/** Reads a member of a map value whose first eight bytes are something else. */
const inValue = (member: string, before: string, read: string): string =>
  `struct value { __u64 head; ${member}; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct value); } s SEC(".maps");
SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	struct value *v = bpf_map_lookup_elem(&s, &key);
	if (!v) return XDP_DROP;
	${before}
	return ${read}; // ← here
}`;

export const refusedForMemory: readonly RefusedProgram[] = [
  {
    name: 'a packet that nothing was proven of',
    kind: 'packet-bounds',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	__u8 *data = (void *)(long)c->data;
	return data[3]; // ← here
}`,
    what: /reads byte 3 of the packet, of which not a single byte is proven/,
    mend: /if \(\(void \*\)\(data \+ 4\) > \(void \*\)\(long\)c->data_end\) return XDP_PASS;/,
    mended: 'as-told',
  },
  {
    name: 'an IP header behind a checked Ethernet header',
    kind: 'packet-bounds',
    source: `${headers}SEC("xdp") int p(struct xdp_md *c) {
	void *data = (void *)(long)c->data, *data_end = (void *)(long)c->data_end;
	struct ethhdr *eth = data;
	if ((void *)(eth + 1) > data_end) return XDP_DROP;
	struct iphdr *ip = (void *)(eth + 1);
	if (ip->protocol == 6) // ← here
		return XDP_DROP;
	return XDP_PASS;
}`,
    what: /reads byte 23 of the packet, but only the first 14 bytes are proven/,
    mend: /if \(\(void \*\)\(ip \+ 1\) > data_end\) return XDP_PASS;/,
    mended: 'as-told',
  },
  {
    name: 'a word that begins within what is proven and ends beyond it',
    kind: 'packet-bounds',
    source: `${headers}SEC("xdp") int p(struct xdp_md *c) {
	void *data = (void *)(long)c->data, *data_end = (void *)(long)c->data_end;
	struct iphdr *ip = data;
	if (data + 18 > data_end) return XDP_DROP;
	return ip->daddr == 0x0100007f ? XDP_DROP : XDP_PASS; // ← here
}`,
    what: /reads bytes 16 to 19 of the packet, but only the first 18 bytes are proven/,
    mend: /if \(\(void \*\)\(ip \+ 1\) > data_end\) return XDP_PASS;/,
    mended: 'as-told',
  },
  {
    name: 'a packet at an offset that was read from it',
    kind: 'packet-bounds',
    source: `${headers}SEC("xdp") int p(struct xdp_md *c) {
	__u8 *data = (void *)(long)c->data;
	void *data_end = (void *)(long)c->data_end;
	struct iphdr *ip = (void *)data;
	if ((void *)(ip + 1) > data_end) return XDP_DROP;
	__u8 *next = data + ip->ihl * 4;
	return *next; // ← here
}`,
    what: /reads 1 byte of the packet behind an offset that it computed \(0 to 60\)/,
    mend: /if \(\(void \*\)\(next \+ 1\) > data_end\) return XDP_PASS;/,
    mended: 'as-told',
  },
  {
    name: 'a packet after its head was moved',
    kind: 'invalid-dereference',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	__u8 *data = (void *)(long)c->data;
	if ((void *)(data + 4) > (void *)(long)c->data_end) return XDP_DROP;
	bpf_xdp_adjust_head(c, 4);
	return data[0]; // ← here
}`,
    what: /a pointer into the packet from before bpf_xdp_adjust_head/,
    mend: /Read .*data.* and .*data_end.* again after bpf_xdp_adjust_head/,
  },
  {
    name: 'a map value that may be missing',
    kind: 'null-pointer',
    source: `${hash}SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&m, &key);
	return *value; // ← here
}`,
    what: /reads a value of map "m" that may be missing/,
    mend: /if \(!value\) return XDP_PASS;/,
    mended: 'as-told',
  },
  {
    name: 'arithmetic on a map value that may be missing',
    kind: 'null-pointer',
    source: `${hash}SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	char *value = bpf_map_lookup_elem(&m, &key);
	asm volatile("%0 += 4" : "+r"(value)); // ← here
	return value ? *value : 0;
}`,
    what: /may be missing/,
    mend: /if \(!value\) return XDP_PASS;/,
  },
  {
    name: 'structs in a map value, by an index',
    kind: 'unbounded-offset',
    source: inValue('struct { __u32 a, b; } list[8]', '__u32 i = c->rx_queue_index;', 'v->list[i].b'),
    what: /at an offset without an upper bound/,
    mend: /`if \(i > 7\) return XDP_PASS;`; or by the array's own length, where that is less/,
    mended: 'as-told',
  },
  {
    name: 'structs of a size that is no power of two',
    kind: 'unbounded-offset',
    source: inValue('struct { __u32 a, b, c; } list[5]', '__u32 i = c->rx_queue_index;', 'v->list[i].c'),
    what: /at an offset without an upper bound/,
    mend: /`if \(i > 4\) return XDP_PASS;`/,
    mended: 'as-told',
  },
  {
    name: 'bytes behind others in a map value, by an index that is bounded too late',
    kind: 'map-value-bounds',
    source: inValue('char name[16]', '__u32 i = c->rx_queue_index; if (i > 20) return XDP_DROP;', 'v->name[i]'),
    what: /up to byte 28 of a map value of 24 bytes: the offset that it computed is 0 to 20/,
    mend: /`i &= 15;` or `if \(i > 15\) return XDP_PASS;`/,
    mended: 'as-told',
  },
  {
    name: 'a reservation in a ring buffer that may have failed',
    kind: 'null-pointer',
    source: `${ring}SEC("xdp") int p(struct xdp_md *c) {
	__u64 *event = bpf_ringbuf_reserve(&r, 8, 0);
	*event = 1; // ← here
	bpf_ringbuf_submit(event, 0);
	return XDP_PASS;
}`,
    what: /writes to a reservation in a ring buffer that may be NULL/,
    mend: /if \(!event\) return XDP_PASS;/,
    mended: 'as-told',
  },
  {
    name: 'beyond a reservation in a ring buffer',
    kind: 'memory-bounds',
    source: `${ring}SEC("xdp") int p(struct xdp_md *c) {
	__u32 *event = bpf_ringbuf_reserve(&r, 8, 0);
	if (!event) return XDP_PASS;
	event[2] = 1; // ← here
	bpf_ringbuf_submit(event, 0);
	return XDP_PASS;
}`,
    what: /writes bytes 8 to 11 of a memory of 8 bytes/,
    mend: /8 bytes/,
    mended: ['event[2] = 1;', 'event[1] = 1;'],
  },
  {
    name: 'beyond a map value',
    kind: 'map-value-bounds',
    source: `${hash}SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0, *value = bpf_map_lookup_elem(&m, &key);
	if (!value) return XDP_PASS;
	return value[2]; // ← here
}`,
    what: /reads bytes 8 to 11 of a map value of 8 bytes/,
    mend: /8 bytes/,
    mended: ['value[2]', 'value[1]'],
  },
  {
    name: 'a map value at an index that is checked too late',
    kind: 'map-value-bounds',
    source: `${array}SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0, at = c->rx_queue_index;
	char *value = bpf_map_lookup_elem(&a, &key);
	if (!value || at > 64) return XDP_PASS;
	return value[at]; // ← here
}`,
    what: /up to byte 64 of a map value of 64 bytes/,
    mend: /`at &= 63;` or `if \(at > 63\) return XDP_PASS;`/,
    mended: 'as-told',
  },
  {
    name: 'a map value at an index without a bound',
    kind: 'unbounded-offset',
    source: `${array}SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0, at = c->rx_queue_index;
	char *value = bpf_map_lookup_elem(&a, &key);
	if (!value) return XDP_PASS;
	return value[at]; // ← here
}`,
    what: /a map value of 64 bytes/,
    mend: /`at &= 63;` or `if \(at > 63\) return XDP_PASS;`/,
    mended: 'as-told',
  },
  {
    name: 'a map value at an index that may be negative',
    kind: 'unbounded-offset',
    source: `${array}SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	int at = c->rx_queue_index;
	char *value = bpf_map_lookup_elem(&a, &key);
	if (!value || at > 63) return XDP_PASS;
	return value[at]; // ← here
}`,
    what: /a map value of 64 bytes at an offset that may be negative/,
    mend: /Make at unsigned/,
    mended: ['int at =', '__u32 at ='],
  },
  {
    name: 'a number as an address',
    kind: 'invalid-dereference',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	__u32 *p = (void *)(long)c->ingress_ifindex;
	return *p; // ← here
}`,
    what: /is a number/,
    mend: /pointer/,
  },
  {
    name: 'kernel memory behind a pointer of a tracepoint',
    kind: 'invalid-dereference',
    source: `SEC("kprobe/nothing") int p(long *c) {
	char *p = (void *)c[14];
	return *p; // ← here
}`,
    what: /is a number/,
    mend: /bpf_probe_read_kernel/,
  },
  {
    name: 'beyond the stack',
    kind: 'stack-bounds',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	asm volatile("*(u64 *)(r10 - 520) = r1"); // ← here
	return XDP_PASS;
}`,
    what: /writes 8 bytes of the stack at fp-520, beyond its 512 bytes/,
    mend: /512/,
  },
  {
    name: 'the stack at an index that it computed',
    kind: 'stack-bounds',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	char b[16] = {};
	__u32 at = c->rx_queue_index;
	if (at > 600) return XDP_PASS;
	return *(volatile char *)&b[at]; // ← here
}`,
    what: /reads the stack at an offset that it computed \(0 to 600\)/,
    mend: /index &= sizeof\(array\) - 1/,
    mended: ['at > 600', 'at > 15'],
  },
  {
    name: 'a word across the stack’s slots',
    kind: 'misaligned',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	asm volatile("*(u64 *)(r10 - 12) = r1"); // ← here
	return XDP_PASS;
}`,
    what: /8 bytes at .*-12/,
    mend: /multiple of 8/,
  },
  {
    name: 'beyond the context',
    kind: 'context-access',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	return *(__u32 *)((char *)c + 200); // ← here
}`,
    what: /offset 200/,
    mend: /struct xdp_md.*data.*data_end.*ingress_ifindex/,
  },
  {
    name: 'half a word of the context',
    kind: 'context-access',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	return *(volatile __u16 *)&c->data; // ← here
}`,
    what: /2 bytes at offset 0/,
    mend: /4 bytes/,
  },
  {
    name: 'a write into the context',
    kind: 'context-access',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	c->ingress_ifindex = 3; // ← here
	return XDP_PASS;
}`,
    what: /writes 4 bytes at offset 12/,
    mend: /rx_queue_index/,
  },
  {
    name: 'a pointer to the context that was moved',
    kind: 'context-pointer',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	__u64 at = (c->rx_queue_index & 1) * 4;
	asm volatile("%0 += %1" : "+r"(c) : "r"(at));
	return *(volatile __u32 *)c; // ← here
}`,
    what: /moved/,
    mend: /`c->field`.*constant/,
  },
  {
    name: 'a write to a constant',
    kind: 'read-only',
    source: `volatile const int k = 3;
SEC("xdp") int p(struct xdp_md *c) {
	*(volatile int *)&k = 4; // ← here
	return XDP_PASS;
}`,
    what: /a constant, which can only be read/,
    mend: /Take `const` off/,
    mended: ['volatile const int', 'volatile int'],
  },
  {
    name: 'a write into a packet that may only be read',
    kind: 'read-only',
    source: `SEC("cgroup_skb/egress") int p(struct __sk_buff *c) {
	__u8 *data = (void *)(long)c->data;
	if ((void *)(data + 1) > (void *)(long)c->data_end) return 1;
	data[0] = 1; // ← here
	return 1;
}`,
    what: /writes into the packet/,
    mend: /SEC\("tc"\)/,
  },
];
