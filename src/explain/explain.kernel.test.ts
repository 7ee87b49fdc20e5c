/** What is said to be here is here, with bpftool, the kernel's BTF and its headers as witnesses. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bpftool, leftInKernel, uniqueName } from '../kernel/kernel-state.test.support.js';
import { readRunningKernelBtf } from '../kernel/target-btf.js';
import { compileText } from '../object/compile-text.test.support.js';
import { explainHelper, listHelpers } from './helpers.js';
import { explainMapType, listMapTypes } from './maps.js';
import { explainProgramType, listProgramTypes } from './programs.js';
import { verdictWords } from './words/verdicts.js';

interface Probed {
  readonly map_types: Readonly<Record<string, boolean>>;
  readonly program_types: Readonly<Record<string, boolean>>;
}

test('types of maps and programs are here where bpftool finds them', () => {
  const probed = bpftool('feature', 'probe', 'kernel') as Probed;
  const seen = (table: Readonly<Record<string, boolean>>, suffix: string, name: string): boolean | undefined =>
    table[`have_${name}_${suffix}`];
  let witnessed = 0;
  for (const { name, here } of listMapTypes()) {
    const known = seen(probed.map_types, 'map_type', name);
    if (known === undefined) continue;
    assert.equal(here.here, known, name);
    witnessed += 1;
  }
  for (const { name, here } of listProgramTypes()) {
    const known = seen(probed.program_types, 'prog_type', name);
    if (known === undefined) continue;
    assert.equal(here.here, known, name);
    witnessed += 1;
  }
  // Those that bpftool of libbpf 1.1 knows.
  assert.ok(witnessed >= 60, String(witnessed));
  assert.deepEqual(leftInKernel('probe'), []);
});

test('helpers: here those of the BTF of this kernel', () => {
  const btf = readRunningKernelBtf();
  const type = btf.type(btf.find('enum', 'bpf_func_id') ?? 0);
  assert.equal(type.kind, 'enum');
  const known = new Set(type.kind === 'enum' ? type.values.map(({ name }) => name) : []);
  for (const { name, here } of listHelpers()) {
    assert.equal(here !== 'no', known.has(`BPF_FUNC_${name.replace('bpf_', '')}`), name);
  }
});

const helperCalls = [
  { call: 'bpf_xdp_adjust_head(c, 0)', helper: 'xdp_adjust_head', loads: ['xdp'], not: ['tc', 'socket'] },
  { call: 'bpf_skb_vlan_pop(c)', helper: 'skb_vlan_pop', loads: ['tc'], not: ['xdp', 'socket'] },
  { call: 'bpf_get_socket_cookie(c)', helper: 'get_socket_cookie', loads: ['tc', 'socket'], not: ['xdp'] },
  { call: 'bpf_get_netns_cookie(0)', helper: 'get_netns_cookie', loads: ['tc', 'socket'], not: ['xdp'] },
];
const typeOf: Readonly<Record<string, string>> = { xdp: 'xdp', tc: 'sched_cls', socket: 'socket_filter' };

test('who may call a helper: bpftool loads such programs', () => {
  const unique = uniqueName();
  const file = join(tmpdir(), `explain-${unique}.o`);
  const pin = `/sys/fs/bpf/explain_${unique}`;
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  try {
    for (const { call, helper, loads, not } of helperCalls) {
      const { programTypes } = explainHelper(helper);
      for (const section of [...loads, ...not]) {
        writeFileSync(file, compileText(`SEC("${section}") int ${unique}(void *c) { return ${call} ? 0 : 1; }`));
        const { status } = spawnSync('bpftool', ['prog', 'load', file, pin], { env });
        rmSync(pin, { force: true });
        assert.equal(status === 0, loads.includes(section), `${helper} in ${section}`);
        assert.equal(programTypes.includes(typeOf[section] ?? ''), status === 0, `${helper} in ${section}`);
      }
    }
  } finally {
    rmSync(file, { force: true });
  }
  assert.ok(!explainHelper('copy_from_user').programTypes.includes('xdp'), 'it may sleep');
  assert.equal(explainHelper('fib_lookup').gplOnly, true);
  assert.equal(explainHelper('bpf_redirect').gplOnly, false);
  assert.ok(explainProgramType('xdp').helpers?.includes('bpf_redirect_map'));
  assert.equal(explainProgramType('fentry/do_unlinkat').name, 'tracing');
  assert.equal(explainProgramType('SEC("tcx/ingress")').name, 'sched_cls');
  assert.throws(() => explainHelper('redirct_map'), { code: 'USAGE', hint: 'Do you mean bpf_redirect_map?' });
  assert.throws(() => explainMapType('lru-hash'), { code: 'USAGE', hint: /lru_hash/ });
  assert.throws(() => explainProgramType('shed_cls'), { code: 'USAGE', hint: /sched_cls/ });
});

test('verdicts have the numbers of the kernel', () => {
  const btf = readRunningKernelBtf();
  const numbers = new Map<string, number>();
  for (const name of ['xdp_action', 'sk_action', 'bpf_ret_code']) {
    const type = btf.type(btf.find('enum', name) ?? 0);
    assert.equal(type.kind, 'enum', name);
    if (type.kind === 'enum') for (const each of type.values) numbers.set(each.name, Number(each.value));
  }
  for (const header of ['pkt_cls', 'netfilter']) {
    const text = readFileSync(`/usr/include/linux/${header}.h`, 'utf8');
    for (const [, name = '', number] of text.matchAll(/^#define\s+((?:TC_ACT|NF)_\w+)\s+\(?(-?\d+)\)?/gm)) {
      numbers.set(name, Number(number));
    }
  }
  // The header has no names for these.
  const own = ['CGROUP_DROP', 'CGROUP_PASS'];
  for (const { name, number } of verdictWords) {
    if (!own.includes(name)) assert.equal(numbers.get(name), number, name);
  }
  for (const name of numbers.keys()) {
    if (/^(XDP_|SK_|TC_ACT_(?!JUMP|GOTO|EXT|VALUE))/.test(name)) {
      assert.ok(
        verdictWords.some((each) => each.name === name),
        name,
      );
    }
  }
});
