/** What the tests of `xdpkit prog` share: an object of their own, and ways to run the command line. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uniqueName } from '../kernel/kernel-state.test.support.js';
import { compileText } from '../object/compile-text.test.support.js';
import { runWords } from './run-words.test.support.js';

export const folder = mkdtempSync(join(tmpdir(), 'xdpkit-prog-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Longer than the kernel keeps, and unlike any other name in it. */
export const name = `${uniqueName()}_function_with_a_long_name`;

const source = `
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, __u32); __type(value, __u64); __uint(max_entries, 4); } ${name}s SEC(".maps");
volatile const __u32 limit = 3;
static __attribute__((noinline)) int count(struct xdp_md *context, __u32 key) {
  __u64 *value = bpf_map_lookup_elem(&${name}s, &key);
  if (value) __sync_fetch_and_add(value, 1);
  return value ? XDP_PASS : XDP_DROP;
}
SEC("xdp") int ${name}(struct xdp_md *context) {
  __u8 *data = (void *)(long)context->data, *end = (void *)(long)context->data_end;
  if (data + 14 > end) return XDP_DROP;
  data[0] = 0xff;
  return count(context, limit);
}
`;
export const object = join(folder, 'long.bpf.o');
writeFileSync(object, compileText(source));

export async function text(...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runWords(words);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

export async function json(...words: string[]) {
  const { exitCode, stdout } = await runWords([...words, '--json']);
  assert.equal(exitCode, 0, stdout);
  return JSON.parse(stdout);
}

export async function refusal(...words: string[]): Promise<{ exitCode: number; stderr: string }> {
  const { exitCode, stderr, stdout } = await runWords(words);
  assert.equal(stdout, '');
  return { exitCode, stderr };
}

/** A path on the BPF file system that nobody else uses, freed when the test ends. */
export function pinPath(): Disposable & { readonly path: string } {
  const path = `/sys/fs/bpf/${uniqueName()}`;
  return { path, [Symbol.dispose]: () => rmSync(path, { force: true }) };
}
