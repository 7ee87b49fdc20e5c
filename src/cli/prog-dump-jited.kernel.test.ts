/** Machine code: as much as bpftool counts, every byte of it in an instruction. Debian's bpftool cannot read it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runWithCapabilities } from '../kernel/capabilities.test.support.js';
import { bpftool, uniqueName } from '../kernel/kernel-state.test.support.js';
import { listMachineCode } from '../kernel/machine-listing.js';
import { openText } from '../object/compile-text.test.support.js';
import { runWords } from './run-words.test.support.js';

const name = uniqueName();
const source = `
static __attribute__((noinline)) int inner(struct xdp_md *context) { return context->rx_queue_index; }
SEC("xdp") int ${name}(struct xdp_md *context) {
  if (bpf_xdp_adjust_head(context, 4)) return XDP_DROP;
  return inner(context) + 1;
}`;

test('machine code is as long as bpftool says, every byte of it in an instruction', () => {
  using object = openText(source).load();
  const program = object.program(name);
  const functions = listMachineCode(program.fd);
  const seen = bpftool('prog', 'show', 'id', String(program.id)) as { bytes_jited: number };
  assert.equal(
    functions.reduce((sum, { bytes }) => sum + bytes.length, 0),
    seen.bytes_jited,
  );
  for (const { instructions, bytes } of functions) {
    assert.deepEqual(Buffer.concat((instructions ?? []).map((each) => each.bytes)), Buffer.from(bytes));
  }
  assert.deepEqual(
    functions.map(({ declaration }) => declaration),
    [`int ${name}(struct xdp_md *context)`, 'int inner(struct xdp_md *context)'],
  );
  const own = functions[0]?.instructions ?? [];
  const sources = own.flatMap(({ source: place }) => place?.text ?? []);
  assert.ok(sources.includes('return inner(context) + 1;'), sources.join('\n'));
  // On arm64 a call goes to an address in a register.
  if (process.arch === 'x64') {
    assert.deepEqual(
      own.flatMap(({ calls }) => calls ?? []).filter((called) => !called.includes('return_thunk')),
      ['bpf_xdp_adjust_head', 'inner'],
    );
    assert.ok(own.some(({ text }) => text === 'call bpf_xdp_adjust_head' || text === 'callq bpf_xdp_adjust_head'));
  }
});

test('prog dump --jited for people and for programs', async () => {
  using object = openText(source).load();
  const id = String(object.program(name).id);
  const { stdout, exitCode } = await runWords(['prog', 'dump', id, '--jited', '--opcodes']);
  assert.equal(exitCode, 0);
  assert.match(stdout, new RegExp(`^int ${name}\\(struct xdp_md \\*context\\): \\d+ bytes at 0x[0-9a-f]+$`, 'm'));
  assert.match(stdout, /^; return inner\(context\) \+ 1; @ text\.c:5$/m);
  assert.match(stdout, /^ {3}0: \S/m);
  const { programs } = JSON.parse((await runWords(['prog', 'dump', id, '--jited', '--json'])).stdout);
  assert.equal(programs[0].functions.length, 2);
  assert.match(programs[0].functions[0].address, /^0x[0-9a-f]+$/);
  const translated = await runWords(['prog', 'dump', id]);
  assert.match(translated.stdout, /; xdp_md\.rx_queue_index → xdp_buff\.rxq → xdp_rxq_info\.queue_index$/m);
});

test('without a disassembler the bytes are shown, and what is missing is said', async () => {
  using object = openText(source).load();
  const id = String(object.program(name).id);
  const path = process.env.PATH;
  process.env.PATH = '/nothing';
  try {
    const { stdout, stderr, exitCode } = await runWords(['prog', 'dump', id, '--jited']);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^ {3}0: ([0-9a-f]{2} ){15}[0-9a-f]{2}$/m);
    assert.match(stderr, /neither objdump nor llvm-objdump .* Install binutils/);
  } finally {
    process.env.PATH = path;
  }
});

test('code is hidden from those from whom addresses are hidden, and that is said', () => {
  const code = `
    const { readFileSync } = await import('node:fs');
    const { loadBareProgram } = await import('../kernel/load-bare.js');
    const { listMachineCode } = await import('../kernel/machine-listing.js');
    const { assemble, exit, mov } = await import('../asm/index.js');
    const program = loadBareProgram(assemble(mov(0, 2), exit()), 'xdp');
    const hidden = !/^0*[1-9a-f]/m.test(readFileSync('/proc/kallsyms', 'utf8').slice(0, 4000).replace(/ .*$/gm, ''));
    let refusal = null;
    try { listMachineCode(program.number); } catch (error) { refusal = [error.code, error.message, error.hint]; }
    console.log(JSON.stringify({ hidden, refusal }));
  `;
  const { hidden, refusal } = runWithCapabilities(['bpf', 'perfmon', 'net_admin'], import.meta.url, code) as {
    hidden: boolean;
    refusal: string[] | null;
  };
  if (!hidden) return assert.equal(refusal, null);
  assert.equal(refusal?.[0], 'NOT_PERMITTED');
  assert.match(refusal?.[1] ?? '', /the kernel hides it/);
  assert.match(refusal?.[2] ?? '', /CAP_SYSLOG|kptr_restrict/);
});
