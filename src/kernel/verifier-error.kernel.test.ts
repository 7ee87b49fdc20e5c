/** Programs that the verifier refuses: what is told of each, and that the mend mends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assemble, call, exit, mov } from '../asm/assemble.js';
import { readBtf } from '../btf/btf.js';
import { OpenedObject } from '../loader/open.js';
import { openText } from '../object/compile-text.test.support.js';
import { type LinkedProgram, linkProgram } from '../object/link.js';
import { refusalKinds } from '../verifier/diagnose.js';
import { kernelFeatures } from './features.js';
import { typesWithHelper } from './helper-types.js';
import { loadBtf } from './kernel-btf.js';
import { loadProgram } from './program-load.js';
import { refusedForCalls } from './refused-calls.test.support.js';
import { refusedForFlow } from './refused-flow.test.support.js';
import { refusedForMemory } from './refused-memory.test.support.js';
import type { RefusedProgram } from './refused-programs.test.support.js';
import { VerifierError } from './verifier-error.js';

const refused = [...refusedForMemory, ...refusedForCalls, ...refusedForFlow];
const mark = '// ← here';

function refusalOf(load: () => Disposable): VerifierError {
  try {
    load()[Symbol.dispose]();
  } catch (error) {
    assert.ok(error instanceof VerifierError, String(error));
    return error;
  }
  return assert.fail('the verifier took it');
}

/** Kernels since 5.12 know instruction set 3, whose jumps and numbers of 32 bits keep ranges readable. */
function open({ source, license }: Pick<RefusedProgram, 'source' | 'license'>, debug = true): OpenedObject {
  const opened = openText(source, { debug, cpu: 'v3' });
  return license === undefined ? opened : new OpenedObject({ ...opened.spec, license });
}

function withMend(lines: readonly string[], before: number, mend: string): string {
  const told = /`((?:if |\w+ &= )[^`]*;)`/.exec(mend)?.[1];
  assert.ok(told !== undefined, mend);
  return [...lines.slice(0, before), told, ...lines.slice(before)].join('\n');
}

function replaced(source: string, [before, after]: readonly [string, string]): string {
  assert.ok(source.includes(before), before);
  return source.replace(before, after);
}

for (const program of refused) {
  test(`refused, ${program.kind}: ${program.name}`, () => {
    const { kind, what, mend, mended, source } = program;
    const error = refusalOf(() => open(program).load());
    assert.equal(error.kind, kind, error.message);
    assert.match(error.diagnosis.what, what);
    assert.match(error.hint ?? '', mend);
    const lines = source.split('\n');
    const marked = lines.findIndex((line) => line.includes(mark));
    const btfIsRefused = /naked/.test(source);
    if (marked === -1) assert.equal(error.source, undefined);
    else if (!btfIsRefused)
      assert.deepEqual([error.source?.line, error.source?.text], [marked + 1, lines[marked]?.trim()]);
    assert.match(error.log ?? '', /processed \d+ insns/);
    assert.ok(error.message.endsWith(`: ${error.diagnosis.what}`));
    if (mended === undefined) return;
    const better = mended === 'as-told' ? withMend(lines, marked, error.hint ?? '') : replaced(source, mended);
    open({ ...program, source: better })
      .load()
      [Symbol.dispose]();
  });
}

test('every program is of a kind that is in the tables, and some thirty kinds have a program', () => {
  const kinds = new Set(refused.map(({ kind }) => kind));
  for (const kind of kinds) assert.ok(refusalKinds.includes(kind), kind);
  assert.ok(kinds.size >= 30, `${kinds.size} kinds`);
});

test('what is told of a missing check: register, access, way, source with a mark', () => {
  const [, program] = refusedForMemory;
  const error = refusalOf(() => open(program as RefusedProgram).load());
  const { register, access, path, instruction, code } = error.diagnosis;
  assert.deepEqual(access, { memory: 'packet', offset: 23, size: 1, write: false });
  assert.equal(register?.words, 'a pointer into the packet, with 14 bytes proven');
  assert.match(code ?? '', /^\(71\) r\d = \*\(u8 \*\)\(r\d \+23\)$/);
  assert.deepEqual(
    path.map(({ from, to }) => [from.line, to?.line]),
    [[6, 8]],
  );
  const story = error.story.join('\n');
  assert.match(story, /^ {2}6 \| {5}if \(\(void \*\)\(eth \+ 1\) > data_end\) return XDP_DROP;$/m);
  assert.match(story, /^> 8 \| {5}if \(ip->protocol == 6\) \/\/ ← here\n {4}\| {13}\^$/m);
  assert.ok(story.includes(`instruction  ${instruction} of`) === false);
  assert.match(story, /^ {2}way here {5}line 6 `if .*` → line 8$/m);
  assert.match(story, /^ {2}kernel {7}invalid access to packet, off=23 size=1/m);
});

test('without debug information the instruction is told', () => {
  const source = 'SEC("xdp") int p(struct xdp_md *c) { return *(__u8 *)(long)c->data; }';
  const error = refusalOf(() => open({ source }, false).load());
  assert.match(error.message, /^the verifier refused program "p" at instruction 1: it reads byte 0 of the packet/);
  assert.match(error.hint ?? '', /`if \(data \+ 1 > data_end\) return XDP_PASS;`/);
});

test('a mistake in a function that is called is told with the function’s name', () => {
  const error = refusalOf(() =>
    open({
      source: `static __attribute__((noinline)) int first(__u8 *d) { return d[2]; }
SEC("xdp") int p(struct xdp_md *c) { return first((void *)(long)c->data); }`,
    }).load(),
  );
  assert.equal(error.kind, 'packet-bounds');
  assert.equal(error.diagnosis.function, 'first');
  assert.match(error.hint ?? '', /return 0;/);
});

/** What no compiler makes. */
function assembled(code: Uint8Array, more: Partial<LinkedProgram> = {}): LinkedProgram {
  const none = new Uint8Array(0);
  return { name: 'p', code, maps: [], modules: [], functionInfo: none, lineInfo: none, unresolved: [], ...more };
}

const options = { type: 'xdp', license: 'GPL', mapFd: () => assert.fail('there is no map') };
const disposable = (fd: { close(): void }): Disposable => ({ [Symbol.dispose]: () => fd.close() });

test('refused, kfunc-not-allowed: a function of the kernel that is not for programs', async () => {
  const { readTargetBtf } = await import('./target-btf.js');
  const btf = readTargetBtf(undefined);
  const id = btf.find('function', 'schedule');
  assert.ok(id !== undefined);
  const code = assemble({ ...call(id), source: 2 }, mov(0, 2), exit());
  const error = refusalOf(() => disposable(loadProgram(assembled(code), options)));
  assert.equal(error.kind, 'kfunc-not-allowed', error.reason);
  assert.match(error.diagnosis.what, /schedule/);
});

test('refused, btf-mismatch: functions that do not begin where the object says', () => {
  const { spec } = open({ source: 'SEC("xdp") int p(struct xdp_md *c) { return 2; }' });
  const [program] = spec.programs;
  assert.ok(spec.btf && program);
  const linked = linkProgram(spec, program);
  const functionInfo = linked.functionInfo.slice();
  functionInfo[0] = 1;
  using types = loadBtf(spec.btf.bytes, 'x');
  const load = () => loadProgram({ ...linked, functionInfo }, { ...options, btf: spec.btf, btfFd: types.number });
  const error = refusalOf(() => disposable(load()));
  assert.equal(error.kind, 'btf-mismatch', error.reason);
});

test('which types of program have a helper is asked of the kernel', () => {
  const types = typesWithHelper('bpf_xdp_adjust_head');
  assert.ok(types.includes('xdp') && !types.includes('sched_cls'), types.join());
  const common = typesWithHelper('bpf_map_lookup_elem');
  for (const type of ['socket_filter', 'kprobe', 'sched_cls', 'xdp', 'sk_lookup', 'cgroup_sockopt', 'syscall']) {
    assert.ok(common.includes(type), `${type} of ${common.join()}`);
  }
  assert.deepEqual(typesWithHelper('bpf_nothing'), []);
});

test('BTF that the kernel refuses is told, and keeps no program from loading that does without', () => {
  const object = openText(`SEC("xdp") int plain(struct xdp_md *c) { return 2; }
SEC("xdp") int wrong(struct xdp_md *c) { return *(__u8 *)(long)c->data; }`);
  const { btf } = object.spec;
  assert.ok(btf);
  const damaged = new Uint8Array(btf.bytes);
  // No int has 200 bits.
  new DataView(damaged.buffer).setUint32(btf.recordOffset(btf.find('int', 'int') ?? 0) + 12, 200, true);
  const refused = new OpenedObject({ ...object.spec, btf: readBtf(damaged, 'damaged') });
  using loaded = refused.load({ programs: ['plain'] });
  assert.match(loaded.degraded[0]?.why ?? '', /^load the BTF of x: .*Invalid/);
  assert.equal(loaded.program('plain').info().btfId, 0);
  assert.throws(() => refused.load({ programs: ['wrong'] }), {
    code: 'VERIFIER',
    message: /text\.c:2: `.*`: it reads byte 0 of the packet/,
    hint: /`if .*` It was loaded without types, as the kernel refused to load the BTF of x/,
  });
  using sound = openText('SEC("xdp") int p(struct xdp_md *c) { return 2; }').load();
  assert.deepEqual(sound.degraded, []);
});

test('a tracing program is refused for its missing target, or because the kernel has no trampolines, never as a riddle', () => {
  const code = assemble(mov(0, 0), exit());
  const load = () => loadProgram(assembled(code), { ...options, type: 'tracing', attachType: 'trace_fentry' });
  if (kernelFeatures.trampolines.probe().available) {
    assert.equal(refusalOf(() => disposable(load())).kind, 'attach-target');
    return;
  }
  assert.throws(load, {
    code: 'UNSUPPORTED',
    message: /BPF trampoline/,
    hint: /kprobe/,
  });
});
