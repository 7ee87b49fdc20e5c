import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, fixture, fixturePath } from '../object/fixtures.test.support.js';
import { isElf, readElf, sectionType, symbolBinding, symbolType, symbolVisibility } from './elf.js';

/** A copy with some bytes changed. */
function changed(bytes: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const copy = new Uint8Array(bytes);
  change(new DataView(copy.buffer));
  return copy;
}

for (const target of ['bpf', 'bpfeb'] as const) {
  test(`sections and symbols are those that readelf shows (${target})`, () => {
    const path = fixturePath('calls', { target });
    const elf = readElf(fixture('calls', { target }), 'calls.bpf.o');
    assert.equal(elf.littleEndian, target === 'bpf');

    const sections = [...ask('readelf', '-SW', path).matchAll(/^ +\[ *(\d+)\] (\S*) +([A-Z]\S*) +\S+ (\S+) (\S+)/gm)];
    assert.ok(sections.length > 10);
    assert.deepEqual(
      elf.sections.map(({ index, name, offset, size }) => [index, name, offset, size]),
      sections.map(([, index, name, , offset, size]) => [
        Number(index),
        name,
        Number.parseInt(offset ?? '', 16),
        Number.parseInt(size ?? '', 16),
      ]),
    );

    const kinds = { NOTYPE: symbolType.none, OBJECT: 1, FUNC: symbolType.function, SECTION: 3, FILE: 4 };
    const bindings = { LOCAL: symbolBinding.local, GLOBAL: symbolBinding.global, WEAK: symbolBinding.weak };
    const visibilities = { DEFAULT: symbolVisibility.default, HIDDEN: symbolVisibility.hidden };
    const shown = ask('readelf', '-sW', path).matchAll(
      /^ +\d+: ([0-9a-f]+) +(\d+) (\w+) +(\w+) +(\w+) +(\w+) ?(.*)$/gm,
    );
    const expected = [...shown].map(([, value, size, type, binding, visibility, section, name]) => ({
      // A section's symbol is shown with the section's name, which the table does not hold.
      name: type === 'SECTION' ? '' : (name ?? '').trim(),
      section: section === 'UND' ? 0 : section === 'ABS' ? 0xfff1 : Number(section),
      value: Number.parseInt(value ?? '', 16),
      size: Number(size),
      type: kinds[type as keyof typeof kinds],
      binding: bindings[binding as keyof typeof bindings],
      visibility: visibilities[visibility as keyof typeof visibilities],
    }));
    assert.ok(expected.some(({ visibility }) => visibility === symbolVisibility.hidden));
    assert.deepEqual(elf.symbols, expected);
  });
}

test('relocations are those that readelf shows', () => {
  const elf = readElf(fixture('calls'), 'calls.bpf.o');
  const text = ask('readelf', '-rW', fixturePath('calls'));
  for (const [target, list] of elf.relocations) {
    const shown = text.split(`'.rel${elf.sections[target]?.name}'`)[1]?.split('Relocation section')[0] ?? '';
    const expected = [...shown.matchAll(/^([0-9a-f]{16}) +([0-9a-f]{8})([0-9a-f]{8}) /gm)].map(([, ...numbers]) => {
      const [offset, symbol, type] = numbers.map((number) => Number.parseInt(number, 16));
      return { offset, symbol, type };
    });
    assert.ok(expected.length > 0);
    assert.deepEqual(list, expected);
  }
});

test('a section without data has its size and no data', () => {
  const elf = readElf(fixture('calls'), 'calls.bpf.o');
  const bss = elf.sections.find(({ name }) => name === '.bss');
  assert.equal(bss?.type, sectionType.nobits);
  assert.equal(bss?.size, 24);
  assert.equal(bss?.data.length, 0);
});

test('a section that asks for absurd memory is refused', () => {
  const bytes = fixture('calls');
  const bss = readElf(bytes, 'calls.bpf.o').sections.find(({ name }) => name === '.bss');
  const tableOffset = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(40, true));
  const huge = changed(bytes, (view) => view.setBigUint64(tableOffset + (bss?.index ?? 0) * 64 + 32, 1n << 40n, true));
  assert.throws(() => readElf(huge, 'huge.o'), { code: 'MALFORMED', message: /ask for 1099511627776 bytes of memory/ });
});

test('what is no BPF object is refused with its kind', () => {
  const small = fixture('small');
  const text = new TextEncoder().encode('#include <linux/bpf.h>\n');
  assert.equal(isElf(text), false);
  assert.equal(isElf(small), true);
  assert.throws(() => readElf(text, 'drop.bpf.c'), { code: 'NOT_ELF', message: /^drop.bpf.c is not an ELF object$/ });
  assert.throws(() => readElf(new Uint8Array(0), 'empty.o'), { code: 'NOT_ELF', message: /it is empty/ });
  const wrong = (machine: number) => changed(small, (view) => view.setUint16(18, machine, true));
  assert.throws(() => readElf(wrong(62), 'a.out'), {
    code: 'WRONG_MACHINE',
    message: /^a.out was compiled for x86-64, not for BPF$/,
  });
  assert.throws(() => readElf(wrong(4711), 'a.out'), { code: 'WRONG_MACHINE', message: /machine number 4711/ });
  const narrow = changed(small, (view) => view.setUint8(4, 1));
  assert.throws(() => readElf(narrow, 'a.out'), { code: 'WRONG_MACHINE', message: /32-bit ELF/ });
  assert.equal(readElf(wrong(0), 'old.o').machine, 0);
});

test('a file that is cut off anywhere is refused or read, never worse', () => {
  const small = fixture('small');
  for (let length = 0; length < small.length; length++) {
    assert.throws(
      () => readElf(small.subarray(0, length), 'cut.o'),
      (error) => {
        const code = (error as { code?: string }).code;
        return code === (length < 4 ? 'NOT_ELF' : 'MALFORMED');
      },
    );
  }
});
