/** What older compilers, other compilers and other loaders' times have left in objects. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readElf, symbolType } from '../elf/elf.js';
import { compileText } from './compile-text.test.support.js';
import { fixture } from './fixtures.test.support.js';
import { readObject } from './read.js';
import type { ObjectSpec } from './spec.js';

function mapsOf(source: string): ObjectSpec {
  return readObject(compileText(source), 'old.o');
}

/** iproute2's `struct bpf_elf_map`; aya's is its first seven fields. */
const definition = (fields: number) =>
  `struct definition { unsigned int ${['type', 'key', 'value', 'entries', 'flags', 'id', 'pinning', 'inner_id', 'inner_idx'].slice(0, fields).join(', ')}; };`;

test('aya pins by name; in the kernel’s samples the same number was a NUMA node', () => {
  const spec = mapsOf(`${definition(7)}
    SEC("maps") struct definition pinned = { .type = 1, .key = 4, .value = 8, .entries = 2, .pinning = 1 };
    SEC("maps/near") struct definition near = { .type = 1, .key = 4, .value = 8, .entries = 2, .flags = 4, .pinning = 1 };`);
  assert.deepEqual(
    spec.maps.map(({ name, pinning, numaNode, flags }) => [name, pinning, numaNode, flags]),
    [
      ['pinned', 'by-name', undefined, 0],
      ['near', 'none', 1, 4],
    ],
  );
  assert.deepEqual(spec.remarks, []);
});

test('iproute2’s maps of maps name their inner map by its id, and put it into a slot', () => {
  const { maps, remarks } = mapsOf(`${definition(9)}
    SEC("maps") struct definition inner = { .type = 2, .key = 4, .value = 4, .entries = 1, .id = 42, .inner_idx = 3, .pinning = 2 };
    SEC("maps") struct definition outer = { .type = 12, .key = 4, .value = 4, .entries = 8, .inner_id = 42 };`);
  const outer = maps.find(({ name }) => name === 'outer');
  assert.equal(outer?.inner?.name, 'inner');
  assert.deepEqual(outer?.contents, [{ index: 3, map: 'inner' }]);
  assert.deepEqual(remarks, [
    { what: 'map "inner" is not pinned', why: 'its loader was to do that in a way of its own (2)' },
  ]);
});

test('bytes after a definition: zeroes are padding, anything else is remarked', () => {
  const spec = mapsOf(`
    struct long_definition { unsigned int fields[7]; char name_space[256]; };
    SEC("maps/a") struct long_definition silent = { .fields = { 1, 4, 8, 2 } };
    SEC("maps/b") struct long_definition talking = { .fields = { 1, 4, 8, 2 }, .name_space = "mine" };`);
  assert.deepEqual(
    spec.maps.map(({ name, type, keySize, valueSize, maxEntries }) => [name, type, keySize, valueSize, maxEntries]),
    [
      ['silent', 'hash', 4, 8, 2],
      ['talking', 'hash', 4, 8, 2],
    ],
  );
  assert.deepEqual(spec.remarks, [
    {
      what: 'the 264 bytes after the definition of map "talking" are left aside',
      why: 'they are for a loader of its own',
    },
  ]);
});

test('structs of functions for the kernel: which program stands where', () => {
  const spec = readObject(fixture('struct-ops'), 'struct-ops.bpf.o');
  const [plain, linked] = spec.maps;
  assert.deepEqual(
    [plain?.name, plain?.type, plain?.origin, plain?.valueSize],
    ['plain', 'struct_ops', 'struct-ops', 32],
  );
  assert.deepEqual([plain?.flags, linked?.flags], [0, 1 << 13], 'BPF_F_LINK');
  assert.deepEqual(plain?.contents, [{ index: 1, program: 'limit' }]);
  assert.deepEqual(linked?.contents, [
    { index: 0, program: 'init' },
    { index: 1, program: 'limit' },
  ]);
  assert.equal(spec.btf?.nameOf(plain?.valueType ?? 0), 'struct operations');
  assert.equal(Buffer.from(plain?.initialValue?.subarray(16, 21) ?? []).toString(), 'plain');
  assert.equal(spec.programs.find(({ name }) => name === 'limit')?.sleepable, true);
});

test('functions and variables without type and size, as compilers before LLVM 8 left them', () => {
  const bytes = new Uint8Array(
    compileText(`
    struct definition { unsigned int type, key, value, entries; };
    SEC("maps") struct definition one = { 2, 4, 8, 1 };
    SEC("maps") struct definition two = { 1, 4, 4, 9 };
    static __attribute__((noinline)) int twice(int value) { return value * value; }
    __attribute__((noinline)) int sum(int value) { return twice(value) + 1; }
    SEC("xdp") int first(struct xdp_md *context) { return sum(context->ingress_ifindex); }
    SEC("xdp") int second(struct xdp_md *context) {
      int key = 0;
      return bpf_map_lookup_elem(&one, &key) && bpf_map_lookup_elem(&two, &key) ? twice(context->rx_queue_index) : 1;
    }`),
  );
  const typed = readObject(bytes, 'typed.o');
  const elf = readElf(bytes, 'typed.o');
  const table = elf.sections.find(({ type }) => type === 2);
  assert.ok(table);
  elf.symbols.forEach(({ type }, index) => {
    if (type !== symbolType.function && type !== symbolType.object) return;
    const at = table.offset + index * 24;
    bytes[at + 4] = (bytes[at + 4] ?? 0) & 0xf0;
    bytes.fill(0, at + 16, at + 24);
  });
  const untyped = readObject(bytes, 'typed.o');
  assert.deepEqual(untyped.functions, typed.functions);
  assert.deepEqual(untyped.programs, typed.programs);
  assert.deepEqual(untyped.maps, typed.maps);
});

test('objects of GCC: symbols whose values its assembler has written into the code', () => {
  const folder = mkdtempSync(join(tmpdir(), 'xdpkit-gcc-'));
  try {
    const [source, output] = [join(folder, 'x.c'), join(folder, 'x.o')];
    writeFileSync(
      source,
      `#define SEC(name) __attribute__((section(name), used))
      struct definition { unsigned int type, key, value, entries; };
      SEC("maps") struct definition one = { 2, 4, 8, 1 };
      SEC("maps") struct definition two = { 1, 4, 4, 9 };
      unsigned int numbers[4] = { 1, 2 }, others[8] = { 3, 4 };
      static int hidden = 5;
      extern void *lookup(void *, const void *) __attribute__((kernel_helper(1)));
      __attribute__((noinline)) static int twice(int value) { return value * value + hidden; }
      __attribute__((noinline)) int sum(int value) { return twice(value) + 1; }
      SEC("xdp") int first(unsigned int *context) { numbers[0]++; return sum(context[3]) + others[0]++; }
      SEC("xdp") int second(unsigned int *context) {
        unsigned int key = 0;
        hidden++;
        return lookup(&one, &key) && lookup(&two, &key) ? twice(context[4]) : 1;
      }
      char _license[] SEC("license") = "GPL";`,
    );
    execFileSync('bpf-gcc', ['-O2', '-c', source, '-o', output], { stdio: ['ignore', 'ignore', 'inherit'] });
    const bytes = readFileSync(output);
    const spec = readObject(bytes, 'gcc.o');
    assert.deepEqual(
      spec.programs.map(({ name, type }) => [name, type]),
      [
        ['first', 'xdp'],
        ['second', 'xdp'],
      ],
    );
    const referred = (name: string) =>
      spec.functions
        .find((each) => each.name === name)
        ?.references.map((each) =>
          each.kind === 'map-value'
            ? `${each.map}+${each.offset}`
            : each.kind === 'map'
              ? each.map
              : 'function' in each
                ? spec.functions[each.function]?.name
                : each.name,
        );
    const variable = (name: string) => {
      const { symbols, sections } = readElf(bytes, 'gcc.o');
      const symbol = symbols.find((each) => each.name === name);
      return `${sections[symbol?.section ?? 0]?.name}+${symbol?.value}`;
    };
    assert.deepEqual(referred('sum'), ['twice']);
    assert.deepEqual(referred('twice'), [variable('hidden')]);
    assert.deepEqual(referred('first')?.toSorted(), [variable('numbers'), variable('others'), 'sum'].toSorted());
    assert.deepEqual(referred('second'), [variable('hidden'), 'one', 'two', 'twice']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
