/** What the verifier refuses only to processes without CAP_PERFMON, as services that load XDP programs often run. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileText } from '../object/compile-text.test.support.js';
import { runWithCapabilities } from './capabilities.test.support.js';

const map = `struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64[2]); } m SEC(".maps");`;

const refused: readonly { kind: string; source: string; what: RegExp; mend: RegExp }[] = [
  {
    kind: 'uninitialised-stack',
    source: `${map}
SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	__u64 value[2];
	asm volatile("" : "=m"(value));
	bpf_map_update_elem(&m, &key, value, 0); // ← here
	return XDP_PASS;
}`,
    what: /it lets bpf_map_update_elem use 16 bytes of the stack at fp-\d+, which were never written/,
    mend: /`__builtin_memset\(&value, 0, sizeof\(value\)\);`/,
  },
  {
    kind: 'pointer-leak',
    source: `${map}
SEC("xdp") int p(struct xdp_md *c) {
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&m, &key);
	if (!value) return XDP_PASS;
	*value = (long)c; // ← here
	return XDP_PASS;
}`,
    what: /let an address of the kernel out \(into map\)/,
    mend: /CAP_PERFMON/,
  },
  {
    kind: 'pointer-comparison',
    source: `SEC("xdp") int p(struct xdp_md *c) {
	return (long)c > 5 ? XDP_PASS : XDP_DROP; // ← here
}`,
    what: /compares R\d, a pointer, with a number/,
    mend: /CAP_PERFMON/,
  },
];

const folder = mkdtempSync(join(tmpdir(), 'xdpkit-privileges-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

for (const { kind, source, what, mend } of refused) {
  test(`refused without CAP_PERFMON, ${kind}`, () => {
    const path = join(folder, `${kind}.bpf.o`);
    writeFileSync(path, compileText(source, { cpu: 'v2' }));
    const load = (capabilities: readonly string[]) =>
      runWithCapabilities(
        capabilities,
        import.meta.url,
        `const { openObject } = await import('../loader/open.js');
         const object = await openObject(${JSON.stringify(path)});
         try {
           object.load()[Symbol.dispose]();
           console.log('null');
         } catch ({ code, kind, message, hint, source }) {
           console.log(JSON.stringify({ code, kind, message, hint, line: source?.line }));
         }`,
      );
    const said = load(['bpf', 'net_admin']) as Record<'kind' | 'message' | 'hint' | 'line', string>;
    assert.equal(said.kind, kind, said.message);
    assert.match(said.message, what);
    assert.match(said.hint, mend);
    assert.equal(said.line, source.split('\n').findIndex((line) => line.includes('← here')) + 1);
    assert.equal(load(['bpf', 'net_admin', 'perfmon']), null, 'with CAP_PERFMON it is taken');
  });
}
