/**
 * Damaged declarations of externs, and a damaged kernel and module, end in code or a typed error, and soon; what is left
 * of the types is sanitised as for the oldest kernel. XDPKIT_MUTANTS sets how many are made (10,000 unless given),
 * XDPKIT_MUTATION_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { type Btf, readBtf } from '../btf/btf.js';
import { btfFeatures, sanitizeBtf } from '../btf/sanitize.js';
import { generator } from '../bytes/random.test.support.js';
import { readElf } from '../elf/elf.js';
import { XdpkitError } from '../errors/error.js';
import { compileText } from '../object/compile-text.test.support.js';
import { externsOf, linkProgram } from '../object/link.js';
import { readObject } from '../object/read.js';
import { resolveExterns } from './resolve-externs.js';
import { resolveSettings } from './resolve-settings.js';

const mutants = Number(process.env.XDPKIT_MUTANTS ?? 10_000);
const seed = Number(process.env.XDPKIT_MUTATION_SEED ?? randomInt(2 ** 31));
const slowest = 1000;
const ends = ['code', 'MALFORMED', 'OBJECT_UNSUPPORTED', 'EXTERN_UNRESOLVED'] as const;
const hostile = [0, 1, 2, 0xff, 0xffff, 0x0100_0000, 0x0c00_0002, 0x0e00_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

function btfOf(object: Uint8Array): Uint8Array {
  const section = readElf(object, 'x').sections.find(({ name }) => name === '.BTF');
  assert.ok(section);
  return new Uint8Array(section.data);
}

const object = new Uint8Array(
  compileText(`
    struct rq { int cpu; };
    extern char CONFIG_TEXT[7] __kconfig;
    extern unsigned short CONFIG_SHORT __kconfig __weak;
    extern bool CONFIG_BOOL __kconfig;
    extern enum libbpf_tristate CONFIG_THREE __kconfig;
    extern const void symbol __ksym;
    extern const struct rq queues __ksym __weak;
    extern int in_kernel(struct rq *, int) __ksym;
    extern int in_module(struct rq *) __ksym __weak;
    SEC("xdp") int p(struct xdp_md *c) {
      return CONFIG_TEXT[2] + CONFIG_SHORT + CONFIG_BOOL + CONFIG_THREE + (long)&symbol + (long)&queues +
        in_kernel(0, 1) + in_module(0);
    }`),
);
const kernel = btfOf(
  compileText('struct rq { int cpu; }; struct rq queues; int in_kernel(struct rq *q, int a) { return q->cpu + a; }'),
);
const config = 'CONFIG_TEXT="abc"\nCONFIG_SHORT=7\nCONFIG_BOOL=y\nCONFIG_THREE=m\n';

/** A module's types: what the kernel's file has too, after its own. */
function moduleOf(base: Btf, bytes: Uint8Array): Btf {
  return readBtf(bytes, 'kernel module mine', base);
}

const module = btfOf(compileText('struct rq { int cpu; }; int in_module(struct rq *q) { return q->cpu; }'));

function outcome(bytes: Uint8Array, kernelBytes: Uint8Array, moduleBytes: Uint8Array): string {
  try {
    const spec = readObject(bytes, 'mutant.bpf.o');
    const types = readBtf(kernelBytes, 'the kernel');
    const open = () => [{ name: 'mine', btf: moduleOf(types, moduleBytes), fd: undefined as never }];
    const symbols = {
      address: () => undefined,
      addresses: () => [0x1234n],
      nameAt: () => undefined,
      around: () => undefined,
    };
    for (const program of spec.programs) {
      const users = new Map([...externsOf(spec, program)].map((name) => [name, [program.name]]));
      resolveSettings(spec, users, config);
      const externs = resolveExterns(spec, users, {
        types: () => types,
        modules: { list: () => ({ modules: open(), problem: undefined }) },
        symbols: () => symbols,
      });
      linkProgram(spec, program, { externs });
    }
    if (spec.btf) sanitizeBtf(spec.btf, new Set(btfFeatures));
    return 'code';
  } catch (error) {
    if (error instanceof XdpkitError) return error.code;
    throw error;
  }
}

type Damage = (random: (below: number) => number) => [Uint8Array, Uint8Array, Uint8Array];

function damaged(
  original: Uint8Array,
  random: (below: number) => number,
  start = 0,
  length = original.length,
): Uint8Array {
  const bytes = new Uint8Array(original);
  const view = new DataView(bytes.buffer);
  for (let left = 1 + random(3); left > 0; left--) {
    const at = Math.min((start + random(length)) & ~3, bytes.length - 4);
    const value = view.getUint32(at, true);
    const changed = [
      hostile[random(hostile.length)] ?? 0,
      random(64),
      value ^ (1 << random(32)),
      value + 1 - random(3),
    ];
    view.setUint32(at, changed[random(changed.length)] ?? 0, true);
  }
  return bytes;
}

const { sections } = readElf(object, 'x');
const place = (name: string) => {
  const section = sections.find((one) => one.name === name);
  assert.ok(section, name);
  return [section.offset, section.data.length] as const;
};

const kinds: Readonly<Record<string, Damage>> = {
  'types of the object': (random) => [damaged(object, random, ...place('.BTF')), kernel, module],
  'symbols of the object': (random) => [damaged(object, random, ...place('.symtab')), kernel, module],
  'types of the kernel': (random) => [object, damaged(kernel, random), module],
  'types of a module': (random) => [object, kernel, damaged(module, random)],
};

test('undamaged, all is found', () => assert.equal(outcome(object, kernel, module), 'code'));

Object.entries(kinds).forEach(([what, mutate], number) => {
  test(`damaged ${what} end in code or a typed error`, { timeout: 3_600_000 }, () => {
    const random = generator(seed + number);
    const found = new Map<string, number>();
    const each = Math.ceil(mutants / Object.keys(kinds).length);
    for (let index = 0; index < each; index++) {
      const which = `mutant ${index} of ${what}; repeat with XDPKIT_MUTATION_SEED=${seed} XDPKIT_MUTANTS=${mutants}`;
      // Of the processor: others on the machine must not make it look slow.
      const start = process.cpuUsage();
      let ended: string;
      try {
        ended = outcome(...mutate(random));
      } catch (error) {
        throw new Error(`${which}: ${error}`, { cause: error });
      }
      const { user, system } = process.cpuUsage(start);
      const took = (user + system) / 1000;
      assert.ok(took < slowest, `${which}: took ${took} ms`);
      assert.ok((ends as readonly string[]).includes(ended), `${which}: ${ended}`);
      found.set(ended, (found.get(ended) ?? 0) + 1);
    }
    // Were all refused, or none, then the mutants would test little.
    const refused = each - (found.get('code') ?? 0);
    assert.ok((found.get('code') ?? 0) > each / 100 && refused > each / 100, JSON.stringify([...found]));
  });
});
