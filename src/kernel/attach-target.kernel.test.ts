/** Programs whose place the verifier must know. Where trampolines are forbidden, that is what the errors say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XdpkitError } from '../errors/error.js';
import { openText } from '../object/compile-text.test.support.js';
import type { ProgramChoice } from './choose-programs.js';
import { kernelFeatures } from './features.js';

const object = openText(`
struct net_device { int ifindex; } __attribute__((preserve_access_index));
struct bpf_iter_meta { unsigned long long seq_num; } __attribute__((preserve_access_index));
struct bpf_iter__task { struct bpf_iter_meta *meta; } __attribute__((preserve_access_index));

/* Only where the verifier knows the tracepoint does it let the argument be followed. */
SEC("tp_btf/xdp_exception") int exception(unsigned long long *context) {
  return ((struct net_device *)context[0])->ifindex;
}
SEC("iter/task") int tasks(struct bpf_iter__task *context) { return context->meta->seq_num == 7; }
SEC("?tp_btf/xdp_excepton") int mistyped(void *context) { return 0; }
SEC("?tp_btf") int nowhere(void *context) { return 0; }
SEC("?fentry/do_unlinkat") int enter(void *context) { return 0; }
SEC("?fexit/do_unlinkat") int leave(void *context) { return 0; }
SEC("?fmod_ret/bpf_modify_return_test") int modify(void *context) { return 0; }
SEC("?lsm/file_open") int hook(void *context) { return 0; }
SEC("?lsm.s/file_opn") int mistyped_hook(void *context) { return 0; }
SEC("?freplace/verdict") int replacement(struct xdp_md *context) { return 1; }
SEC("?xdp") int verdict(struct xdp_md *context) { return 2; }
SEC("?struct_ops/init") int member(void *context) { return 0; }
`);

function load(choice: string | ProgramChoice): void {
  using loaded = object.load({ programs: [choice] });
  assert.equal(loaded.programs.size, 1);
}

function refusalOf(choice: string | ProgramChoice): XdpkitError {
  try {
    load(choice);
  } catch (error) {
    assert.ok(error instanceof XdpkitError, String(error));
    return error;
  }
  throw new Error(`${typeof choice === 'string' ? choice : choice.name} was loaded`);
}

test('tracepoints and iterators are found in the types of the kernel', () => {
  load('exception');
  load('tasks');
  load({ name: 'exception', attachTo: 'xdp_bulk_tx' });
  load({ name: 'nowhere', attachTo: 'xdp_redirect' });
});

test('what a program says it is for decides how the verifier sees its context', () => {
  assert.equal(refusalOf({ name: 'exception', attachTo: 'sched_switch' }).code, 'VERIFIER');
});

test('a target that the kernel does not have, with names near it', () => {
  const { code, message, hint } = refusalOf('mistyped');
  assert.equal(code, 'TARGET_NOT_FOUND');
  assert.equal(message, 'program "mistyped" is for tracepoint "xdp_excepton", which the kernel does not have');
  assert.equal(hint, 'It has xdp_exception.');
  assert.match(refusalOf('mistyped_hook').message, /is for security hook "file_opn"/);
  assert.match(refusalOf('mistyped_hook').hint ?? '', /^It has file_open\b/);
  assert.match(refusalOf({ name: 'enter', attachTo: 'do_unlinkatt' }).hint ?? '', /^It has do_unlinkat\b/);
  assert.equal(refusalOf('nowhere').code, 'USAGE');
});

test('a program on a program: the function is looked up in the types of that program', () => {
  using target = object.load({ programs: ['verdict'] });
  const attachProgram = target.program('verdict');
  const { code, message } = refusalOf({ name: 'replacement', attachTo: 'verdct', attachProgram });
  assert.equal(code, 'TARGET_NOT_FOUND');
  assert.match(message, /is for function "verdct", which program "verdict" does not have/);
  assert.match(refusalOf('replacement').message, /replaces a function of another program, which is not given/);
});

test('programs that need a trampoline load, or the error says that they need one', () => {
  using target = object.load({ programs: ['verdict'] });
  const attachProgram = target.program('verdict');
  const choices: readonly ProgramChoice[] = [
    { name: 'enter' },
    { name: 'leave' },
    { name: 'hook' },
    { name: 'replacement', attachProgram },
    { name: 'enter', attachTo: 'verdict', attachProgram },
  ];
  const { available } = kernelFeatures.trampolines.probe();
  for (const choice of choices) {
    if (available) {
      load(choice);
      continue;
    }
    const { code, message, details } = refusalOf(choice);
    assert.equal(code, 'UNSUPPORTED', message);
    assert.match(message, /by a BPF trampoline, which this kernel does not allow: the kernel answers EPERM although/);
    assert.deepEqual(details, { feature: 'trampolines' });
  }
});

test('members of struct_ops are refused in one sentence, and do not stand in the way of others', () => {
  assert.match(refusalOf('member').message, /^program "member" of x belongs to a struct of functions/);
  load('verdict');
});
