import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpenedObject } from '../../loader/open.js';
import { runPacket } from '../../xdp/run-packet.js';
import { openText } from '../compile-text.test.support.js';
import { chainProgramName, linkChain } from './link-chain.js';

/** Each asks the kernel for the same setting in another type and place, and for the same function. */
const memberSource = (type: string, other: string, result: string) => `
extern int bpf_dynptr_from_xdp(struct xdp_md *x, __u64 flags, struct bpf_dynptr *ptr) __ksym;
extern ${type} CONFIG_MINE __kconfig;
extern unsigned long long ${other} __kconfig __weak;
long seen;
SEC("xdp") int member(struct xdp_md *c) {
  struct bpf_dynptr d;
  if (bpf_dynptr_from_xdp(c, 0, &d)) return 0;
  seen = CONFIG_MINE * 1000 + ${other};
  return ${result};
}`;

test('members of a chain keep their own settings, and share what they ask of the kernel', () => {
  const first = openText(memberSource('char', 'CONFIG_OTHER', '2'), { name: 'first' }).spec;
  const second = openText(memberSource('int', 'CONFIG_NOT_THERE', '3'), { name: 'second' }).spec;
  const { spec, members } = linkChain(
    [first, second].map((one, index) => {
      const [program] = one.programs;
      assert.ok(program);
      return { name: one.name, spec: one, program, priority: index, next: ['PASS'] };
    }),
  );
  assert.equal(spec.externs.filter(({ kind }) => kind === 'function').length, 1);
  using loaded = new OpenedObject(spec).load({
    programs: [chainProgramName],
    kernelConfig: 'CONFIG_MINE=7\nCONFIG_OTHER=5',
  });
  assert.deepEqual(loaded.degraded, []);
  assert.equal(runPacket(loaded.program(chainProgramName), { packet: new Uint8Array(60) }).verdict, 'TX');
  const seen = members.map(({ globals }) => loaded.globals[globals.get('seen') ?? '']);
  assert.deepEqual(seen, [7005n, 7000n]);
});
