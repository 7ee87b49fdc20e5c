import assert from 'node:assert/strict';
import { test } from 'node:test';
import { essentialName } from '../btf/names.js';
import { compileText } from './compile-text.test.support.js';
import { readObject } from './read.js';
import { fitNumber, fitSetting, settingText } from './setting-value.js';
import type { SettingShape } from './spec.js';

const source = `
extern char CONFIG_TEXT[7] __kconfig;
extern unsigned short CONFIG_SHORT __kconfig __weak;
extern unsigned long long CONFIG_LONG __kconfig;
extern bool CONFIG_BOOL __kconfig;
extern enum libbpf_tristate CONFIG_THREE __kconfig;
extern const void symbol __ksym;
struct rq;
extern const struct rq queues __ksym __weak;
extern int function(struct xdp_md *, int) __ksym;
extern int elsewhere(void);
SEC("xdp") int p(struct xdp_md *c) {
  return CONFIG_TEXT[2] + CONFIG_SHORT + CONFIG_LONG + CONFIG_BOOL + CONFIG_THREE + (long)&symbol + (long)&queues +
    function(c, 1) + elsewhere();
}`;

const read = (target?: 'bpfeb') => readObject(compileText(source, { ...(target && { target }) }), 'x.bpf.o');

test('externs are read with their kinds, types and places', () => {
  for (const spec of [read(), read('bpfeb')]) {
    const { btf } = spec;
    assert.ok(btf);
    const shown = spec.externs.map((found) => {
      const { kind, name, weak } = found;
      const line = `${kind} ${name}${weak ? ' weak' : ''}`;
      if (kind === 'setting') return `${line} ${found.shape} ${found.size}@${found.offset}`;
      return 'type' in found ? `${line} ${btf.nameOf(found.type)}` : line;
    });
    assert.deepEqual(
      new Set(shown),
      new Set([
        'setting CONFIG_LONG integer 8@0',
        'setting CONFIG_THREE tristate 4@8',
        'setting CONFIG_SHORT weak integer 2@12',
        'setting CONFIG_BOOL bool 1@14',
        'setting CONFIG_TEXT text 7@15',
        'symbol symbol',
        'variable queues weak struct rq',
        `function function ${btf.nameOf(spec.externs.flatMap((each) => (each.kind === 'function' ? [each.type] : []))[0] ?? 0)}`,
        'undeclared elsewhere',
      ]),
    );
    const map = spec.maps.find(({ name }) => name === '.kconfig');
    assert.equal(map?.valueSize, 22);
    assert.equal(map.readOnly, true);
    assert.equal(btf.sizeOf(map.valueType ?? 0), 22);
  }
});

test('the BTF has no externs any more, and nothing else is changed', () => {
  for (const { btf } of [read(), read('bpfeb')]) {
    assert.ok(btf);
    for (const kind of ['function', 'variable'] as const) {
      for (const id of btf.idsOf(kind)) {
        const type = btf.type(id);
        assert.ok('linkage' in type && type.linkage !== 'extern', type.name);
      }
    }
    const section = btf.type(btf.find('section', '.ksyms') ?? 0);
    assert.ok(section.kind === 'section');
    assert.equal(section.size, 12);
    assert.deepEqual(
      section.variables.map(({ offset, size }) => [offset, size]),
      [
        [0, 4],
        [4, 4],
        [8, 4],
      ],
    );
    for (const { type } of section.variables) assert.equal(btf.sizeOf(type), 4);
    const prototype = btf.type(btf.find('function', 'function') ?? 0);
    assert.ok(prototype.kind === 'function');
    const { parameters = [] } = { ...btf.type(prototype.type) } as { parameters?: { name: string }[] };
    assert.deepEqual(
      parameters.map(({ name }) => name),
      ['dummy_ksym', 'dummy_ksym'],
    );
  }
});

test('settings of types that no setting has are refused by name', () => {
  const text = (declaration: string) => `extern ${declaration} __kconfig;
    SEC("xdp") int p(struct xdp_md *c) { return (long)&CONFIG_X; }`;
  for (const declaration of [
    'struct xdp_md CONFIG_X',
    'int CONFIG_X[2]',
    'float CONFIG_X',
    'enum { A } CONFIG_X',
    'void *CONFIG_X',
  ]) {
    assert.throws(() => readObject(compileText(text(declaration)), 'x.bpf.o'), {
      code: 'OBJECT_UNSUPPORTED',
      message: /^x\.bpf\.o asks for the setting CONFIG_X as /,
    });
  }
});

test('an object without types says of its externs only their names', () => {
  const spec = readObject(compileText(source, { debug: false }), 'x.bpf.o');
  assert.ok(spec.externs.length > 5);
  assert.ok(spec.externs.every(({ kind }) => kind === 'undeclared'));
});

const shape = (of: SettingShape['shape'], size: number, signed = false): SettingShape => ({
  shape: of,
  size,
  signed,
  offset: 0,
  type: 0,
});

/** The bytes in hexadecimal, or the reason. */
function fitted(of: SettingShape, text: string): string {
  const result = fitSetting(of, text, true);
  return 'bytes' in result ? Buffer.from(result.bytes).toString('hex') : result.problem;
}

test('texts of settings become the bytes of their types', () => {
  const cases: [SettingShape, string, string | RegExp][] = [
    [shape('bool', 1), 'y', '01'],
    [shape('bool', 1), 'n', '00'],
    [shape('bool', 1), 'm', /is m, and the program declares it as bool/],
    [shape('bool', 1), '1', /is 1, and the program declares it as bool/],
    [shape('tristate', 4), 'm', '02000000'],
    [shape('tristate', 4), 'y', '01000000'],
    [shape('char', 1), 'm', '6d'],
    [shape('char', 1, true), '-128', '80'],
    [shape('char', 1, true), '-129', /does not fit into a signed char/],
    [shape('char', 1, true), '128', /does not fit/],
    [shape('char', 1), '255', 'ff'],
    [shape('char', 1), '256', /does not fit into an unsigned char/],
    [shape('integer', 2), '0xffff', 'ffff'],
    [shape('integer', 2), '-1', /does not fit/],
    [shape('integer', 4, true), '-1', 'ffffffff'],
    [shape('integer', 4, true), '0x80000000', /does not fit/],
    [shape('integer', 4, true), '-2147483648', '00000080'],
    [shape('integer', 4), '017', '0f000000'],
    [shape('integer', 8), '-1', 'ffffffffffffffff'],
    [shape('integer', 8, true), '18446744073709551615', 'ffffffffffffffff'],
    [shape('integer', 8), '18446744073709551616', /no number of 64 bits/],
    [shape('integer', 4), '12abc', /is 12abc, which is no number/],
    [shape('integer', 4), 'y', /is y, and the program declares it as an unsigned integer of 4 bytes/],
    [shape('integer', 4), '"4"', /is "4", and the program declares/],
    [shape('text', 4), '"abcdef"', '61626300'],
    [shape('text', 4), '""', '00000000'],
    [shape('text', 4), '"', /closing quotation mark/],
    [shape('text', 4), '7', /is 7, and the program declares it as text of 4 bytes/],
  ];
  for (const [of, text, expected] of cases) {
    const found = fitted(of, text);
    if (typeof expected === 'string') assert.equal(found, expected, `${of.shape} ${text}`);
    else assert.match(found, expected, `${of.shape} ${text}`);
  }
  assert.deepEqual(fitNumber(shape('integer', 4), 0x01020304n, false), { bytes: Uint8Array.of(1, 2, 3, 4) });
  assert.deepEqual(fitNumber(shape('bool', 1), 1n, true), { bytes: Uint8Array.of(1) });
});

test('the first line of a setting counts, and only whole names', () => {
  const config = 'CONFIG_HZ_250=y\r\nCONFIG_HZ=250\nCONFIG_HZ=1000\n# CONFIG_X is not set\nCONFIG_LAST=7';
  assert.equal(settingText(config, 'CONFIG_HZ'), '250');
  assert.equal(settingText(config, 'CONFIG_HZ_250'), 'y');
  assert.equal(settingText(config, 'CONFIG_LAST'), '7');
  assert.equal(settingText(config, 'CONFIG_X'), undefined);
  assert.equal(essentialName('name___old'), 'name');
});
