/** `xdpkit explain helper|map|program|verdict`: what is printed, and documents. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runWords } from './run-words.test.support.js';

async function text(...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runWords(['explain', ...words]);
  assert.deepEqual([exitCode, stderr], [0, ''], stdout);
  return stdout;
}

async function json(...words: string[]) {
  return JSON.parse(await text(...words, '--json'));
}

test('a helper', async () => {
  const printed = await text('helper', 'bpf_redirect');
  assert.ok(
    printed.startsWith(
      [
        'long bpf_redirect(u32 ifindex, u64 flags);',
        '',
        'Has the packet go out of another device, by its index, when the program then returns REDIRECT.',
        '',
        'number     23',
        'since      Linux 4.4; this kernel has it',
        'called by  sched_cls, sched_act, xdp, lwt_xmit',
        'licence    any',
        '',
      ].join('\n'),
    ),
    printed,
  );
  assert.match(printed, /\nThe kernel's own words \(\/usr\/include\/linux\/bpf\.h\):\n\n {2}Redirect the packet to /);
  const document = await json('helper', 'redirect');
  assert.deepEqual(
    [document.name, document.since, document.here, document.gplOnly],
    ['bpf_redirect', { release: '4.4', bound: false }, 'yes', false],
  );
  const { helpers } = await json('helper');
  assert.equal(helpers.length, 211);
  assert.match(await text('helper'), /^bpf_map_lookup_elem +3\.19 +yes +Gives a pointer /m);
});

test('a type of maps', async () => {
  assert.equal(
    await text('map', 'BPF_MAP_TYPE_PROG_ARRAY'),
    [
      'prog_array: Programs to jump to by bpf_tail_call.',
      '',
      'number  3 (BPF_MAP_TYPE_PROG_ARRAY)',
      'since   Linux 4.2; this kernel has it',
      'key     u32, an index from 0',
      'value   u32: written as a descriptor of a program, read as its id',
      'note    All programs in it have the type of the first one that was put in or uses it.',
      'note    It is emptied when the last pin and descriptor of it are gone, although programs still use it.',
      '',
    ].join('\n'),
  );
  const document = await json('map', 'ringbuf');
  assert.deepEqual([document.name, document.number, document.here, document.reason], ['ringbuf', 27, true, null]);
  assert.equal((await json('map')).mapTypes.length, 33);
});

test('a type of programs', async () => {
  const printed = await text('program', 'sk_lookup');
  assert.match(printed, /^SEC\("sk_lookup"\) +attach type sk_lookup \(since Linux 5\.9\)$/m);
  assert.match(printed, /^context +struct bpf_sk_lookup \(`xdpkit explain ctx sk_lookup` /m);
  assert.match(printed, /^SK_DROP \(0\) +The data, the packet or the connection is dropped/m);
  assert.match(printed, /^It may call \d+ helpers in this kernel:\n {2}bpf_map_lookup_elem /m);
  const document = await json('program', 'tc');
  assert.deepEqual([document.name, document.context, document.here], ['sched_cls', '__sk_buff', true]);
  assert.ok(document.helpers.includes('bpf_redirect_peer'));
  assert.equal((await json('program')).programTypes.length, 32);
});

test('verdicts, and names that there are not', async () => {
  const { verdicts } = await json('verdict', 'pass');
  assert.deepEqual(
    verdicts.map(({ name }: { name: string }) => name),
    ['XDP_PASS', 'SK_PASS', 'CGROUP_PASS'],
  );
  assert.match(await text('verdict'), /^XDP_REDIRECT +4 +xdp +4\.14 +The packet goes where /m);
  const ran = await runWords(['explain', 'verdict', 'XDP_DORP']);
  assert.equal(ran.exitCode, 2);
  assert.equal(ran.stderr, 'error: there is no verdict called "XDP_DORP"\nhint: Do you mean XDP_DROP?\n');
});
