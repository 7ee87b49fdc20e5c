/** `xdpkit map events`, of maps of the test's own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { uniqueName } from '../kernel/kernel-state.test.support.js';
import { openText } from '../object/compile-text.test.support.js';
import { runPacket } from '../xdp/run-packet.js';
import { runWords } from './run-words.test.support.js';

const main = fileURLToPath(new URL('../bin/xdpkit.js', import.meta.url));
const token = uniqueName();

async function text(...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runWords(['map', 'events', ...words]);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

async function json(...words: string[]) {
  return JSON.parse(await text(...words, '--json'));
}

async function refusal(exitCode: number, ...words: string[]): Promise<string> {
  const ran = await runWords(['map', 'events', ...words]);
  assert.equal(ran.exitCode, exitCode, ran.stdout + ran.stderr);
  return ran.stderr;
}

test('events are printed as they come: as bytes, by a type, with their CPU, and the lost are told', async () => {
  using object = openText(`
struct seen { __u32 length, protocol; };
const struct seen *unused __attribute__((unused));
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } re_${token} SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(max_entries, 64); __type(key, __u32); __type(value, __u32); }
	pe_${token} SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); }
	ha_${token} SEC(".maps");
SEC("xdp") int see(struct xdp_md *ctx)
{
	struct seen seen = { .length = ctx->data_end - ctx->data, .protocol = 8 };
	bpf_ringbuf_output(&re_${token}, &seen, sizeof(seen), 0);
	bpf_perf_event_output(ctx, &pe_${token}, BPF_F_CURRENT_CPU, &seen, sizeof(seen));
	return XDP_PASS;
}`).load();
  const emit = (times: number) => {
    for (let index = 0; index < times; index += 1) runPacket(object.program('see'), { packet: new Uint8Array(60) });
  };
  emit(3);
  assert.equal(await text(`re_${token}`, '--count', '2'), '0x3c00000008000000\n'.repeat(2));
  assert.equal(await text(`re_${token}`, '--count', '1', '--type', 'seen'), '{length: 60, protocol: 8}\n');
  emit(1);
  assert.deepEqual(await json(`re_${token}`, '--count', '1', '--type', 'struct seen'), {
    value: { length: 60, protocol: 8 },
  });
  emit(1);
  const elsewhere = spawnSync(process.execPath, [main, 'map', 'events', `re_${token}`, '--count', '1'], {
    encoding: 'utf8',
  });
  assert.match(
    elsewhere.stderr,
    new RegExp(`^warning: also open in \\S+ \\(${process.pid}\\).*not read there any more\n`),
  );
  const timer = setInterval(() => emit(1), 5);
  try {
    assert.match(await text(`pe_${token}`, '--count', '1', '--type', 'seen'), /^cpu \d+: .*length: 60/);
  } finally {
    clearInterval(timer);
  }
  assert.match(await refusal(2, `ha_${token}`), /is of type .*, which holds no events/);
  assert.match(await refusal(2, `re_${token}`, '--type', 'absent'), /BTF has no such type/);
});
