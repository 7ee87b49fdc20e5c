/** --kernel-btf and --kernel-config: programs answered from files instead of the running kernel. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileText } from '../object/compile-text.test.support.js';
import { folder, json, pinPath, refusal } from './prog.test.support.js';

const [object, types, config] = ['asks.bpf.o', 'types.o', 'config'].map((each) => join(folder, each)) as [
  string,
  string,
  string,
];
writeFileSync(
  object,
  compileText(`
    struct not_in_the_kernel { int first; } __attribute__((preserve_access_index));
    extern int CONFIG_NOT_OF_THIS_KERNEL __kconfig;
    SEC("xdp") int asks(struct xdp_md *context) {
      return CONFIG_NOT_OF_THIS_KERNEL + __builtin_preserve_field_info(((struct not_in_the_kernel *)0)->first, 0);
    }`),
);
writeFileSync(types, compileText('struct not_in_the_kernel { long before; int first; } kept;'));
writeFileSync(config, 'CONFIG_NOT_OF_THIS_KERNEL=70\n');
const given = ['--kernel-btf', types, '--kernel-config', config];

test('prog load and prog verify answer from the files that are given', async () => {
  using pin = pinPath();
  const { program } = await json('prog', 'load', object, '--pin', pin.path, ...given);
  const { runs } = await json('prog', 'run', String(program.id), '--packet', 'eth/ip/udp dport 53');
  assert.equal(runs[0].returned, 78);
  const { programs } = await json('prog', 'verify', object, ...given);
  assert.equal(programs.length, 1);
  assert.equal(programs[0].accepted, true);
});

test('without them the running kernel is asked, and what it lacks is told', async () => {
  using pin = pinPath();
  const { exitCode, stderr } = await refusal('prog', 'load', object, '--pin', pin.path);
  assert.equal(exitCode, 5, stderr);
  assert.match(stderr, /the setting CONFIG_NOT_OF_THIS_KERNEL \(in asks\)/);
  const half = await refusal('prog', 'load', object, '--pin', pin.path, '--kernel-config', config);
  assert.equal(half.exitCode, 6, half.stderr);
  assert.match(half.stderr, /not_in_the_kernel/);
  const none = await refusal(
    'prog',
    'load',
    object,
    '--pin',
    pin.path,
    '--kernel-btf',
    `${types}.none`,
    '--kernel-config',
    config,
  );
  assert.equal(none.exitCode, 3, none.stderr);
});
