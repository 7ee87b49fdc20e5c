import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openText } from '../compile-text.test.support.js';
import { defaultRunConfig, readRunConfig } from './run-config.js';

const program = (name: string) => `SEC("xdp") int ${name}(struct xdp_md *ctx) { return XDP_PASS; }\n`;
/** As <xdp/xdp_helpers.h> has it. */
const config = (name: string, fields: string) => `struct { ${fields} } _${name} SEC(".xdp_run_config");\n`;

test('priority and verdicts, on top of what libxdp takes for granted', () => {
  const { spec } = openText(
    [
      config('early', '__uint(priority, 5); __uint(XDP_DROP, 1); __uint(XDP_PASS, 0);'),
      config('both', '__uint(XDP_TX, 1);'),
      config('last', '__uint(XDP_PASS, 0);'),
      ...['early', 'both', 'last', 'silent'].map(program),
    ].join(''),
  );
  assert.deepEqual(readRunConfig(spec, 'early'), { priority: 5, next: ['DROP'] });
  assert.deepEqual(readRunConfig(spec, 'both'), { priority: 50, next: ['PASS', 'TX'] });
  assert.deepEqual(readRunConfig(spec, 'last'), { priority: 50, next: [] });
  assert.deepEqual(readRunConfig(spec, 'silent'), defaultRunConfig);
});

test('nothing said, and nothing known', () => {
  assert.deepEqual(readRunConfig(openText(program('one')).spec, 'one'), { priority: 50, next: ['PASS'] });
  assert.deepEqual(readRunConfig({ btf: undefined }, 'one'), defaultRunConfig);
});

test('a field that is none is refused by name', () => {
  const { spec } = openText(config('odd', '__uint(priorty, 5);') + program('odd'));
  assert.throws(() => readRunConfig(spec, 'odd'), { code: 'MALFORMED', message: /priorty/ });
});
