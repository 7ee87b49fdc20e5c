import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeInstructions } from '../asm/instruction.js';
import { fixture, sourcePath } from './fixtures.test.support.js';
import { type LinkedProgram, linkProgram } from './link.js';
import { readObject } from './read.js';
import type { ObjectSpec, ProgramSpec } from './spec.js';

function programOf(spec: ObjectSpec, name: string): ProgramSpec {
  const program = spec.programs.find((one) => one.name === name);
  assert.ok(program);
  return program;
}

interface Slot {
  readonly opcode: number;
  readonly source: number;
  readonly immediate: number | bigint;
}

/** Instructions by their slot, as jumps count them. */
function slots({ code }: LinkedProgram): Map<number, Slot> {
  let at = 0;
  const bySlot = new Map<number, Slot>();
  for (const instruction of decodeInstructions(code, true)) {
    bySlot.set(at, instruction);
    at += instruction.opcode === 0x18 ? 2 : 1;
  }
  return bySlot;
}

/** Where each function begins in linked code, by its record of function information. */
function starts(spec: ObjectSpec, linked: LinkedProgram): Map<number, string> {
  const view = new DataView(linked.functionInfo.buffer);
  const found = new Map<number, string>();
  for (let at = 0; at < view.byteLength; at += 8) {
    found.set(view.getUint32(at, true), spec.btf?.type(view.getUint32(at + 4, true)).name ?? '');
  }
  return found;
}

test('every call arrives at the function that the source calls', () => {
  const spec = readObject(fixture('calls'), 'calls.bpf.o');
  const calls = (name: string) => {
    const linked = linkProgram(spec, programOf(spec, name));
    const begin = starts(spec, linked);
    const code = slots(linked);
    const called: string[] = [];
    let inside = '';
    for (const [at, { opcode, source, immediate }] of code) {
      inside = begin.get(at) ?? inside;
      const isCall = opcode === 0x85 && source === 1;
      const isAddress = opcode === 0x18 && source === 4;
      if (!isCall && !isAddress) continue;
      const distance = Number(BigInt.asIntN(32, BigInt(immediate)));
      called.push(`${inside} ${isCall ? 'calls' : 'takes'} ${begin.get(at + distance + 1)}`);
    }
    return { functions: [...begin.values()], called: called.sort() };
  };
  assert.deepEqual(calls('first'), {
    functions: ['first', 'sum', 'beside', 'twice'],
    called: ['first calls beside', 'first calls sum', 'sum calls twice'],
  });
  assert.deepEqual(calls('second'), {
    functions: ['second', 'beside', 'sum', 'twice'],
    called: ['second calls beside', 'second calls sum', 'second calls twice', 'sum calls twice'],
  });
  assert.deepEqual(calls('third'), {
    functions: ['third', 'each', 'other_each', 'concealed'],
    called: ['third calls concealed', 'third takes each', 'third takes other_each'],
  });
  assert.deepEqual(calls('fifth'), { functions: ['fifth'], called: [] });
});

test('map references name what their loads are prepared for', () => {
  for (const name of ['calls', 'legacy-maps', 'btf-maps'] as const) {
    const spec = readObject(fixture(name), name);
    for (const program of spec.programs) {
      const linked = linkProgram(spec, program);
      const code = slots(linked);
      const marked = linked.maps.map(({ at, offset }) => {
        const load = code.get(at);
        assert.equal(load?.opcode, 0x18);
        assert.equal(load?.source, offset === undefined ? 1 : 2);
        assert.equal(load?.immediate, BigInt(offset ?? 0) << 32n);
        return at;
      });
      const loads = [...code].filter(([, { opcode, source }]) => opcode === 0x18 && (source === 1 || source === 2));
      assert.deepEqual(new Set(marked), new Set(loads.map(([at]) => at)));
    }
  }
});

test('line information is sorted, begins with each function and quotes the source', () => {
  const spec = readObject(fixture('calls'), 'calls.bpf.o');
  const source = readFileSync(sourcePath('calls'), 'utf8').split('\n');
  for (const program of spec.programs) {
    const linked = linkProgram(spec, program);
    const view = new DataView(linked.lineInfo.buffer);
    const code = slots(linked);
    const lines = new Map<number, number>();
    let before = -1;
    for (let at = 0; at < view.byteLength; at += 16) {
      const instruction = view.getUint32(at, true);
      assert.ok(instruction > before && code.has(instruction));
      before = instruction;
      const line = view.getUint32(at + 12, true) >>> 10;
      lines.set(instruction, line);
      // Line 0 is code that the compiler made up.
      assert.equal(spec.btf?.string(view.getUint32(at + 8, true)), source[line - 1] ?? '');
    }
    for (const [start, name] of starts(spec, linked)) {
      const declared = source.findIndex((text) => new RegExp(`\\b(int|long) ${name}\\(`).test(text)) + 1;
      const first = lines.get(start) ?? 0;
      assert.ok(first >= declared && first <= declared + 5, `${name} of line ${declared} begins at line ${first}`);
    }
  }
});

test('functions that call each other end', () => {
  const code = new Uint8Array([0x85, 0x10, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x95, 0, 0, 0, 0, 0, 0, 0]);
  const [section, offset, typeId, lines, coreRelocations] = ['.text', 0, undefined, [], []] as const;
  const calling = (name: string, callee: number) => {
    const references = [{ kind: 'call', at: 0, function: callee } as const];
    return { name, section, offset, code, references, typeId, lines, coreRelocations };
  };
  const spec = { ...readObject(fixture('small'), 'small'), functions: [calling('a', 1), calling('b', 0)] };
  const linked = linkProgram(spec, { ...programOf(spec, 'count'), function: 0 });
  assert.equal(linked.code.length, 32);
  const immediates = decodeInstructions(linked.code, true).map(({ immediate }) => immediate);
  assert.deepEqual(immediates, [1, 0, -3, 0]);
  assert.equal(linked.functionInfo.length + linked.lineInfo.length, 0);
});

test('linking changes neither spec nor file', () => {
  const bytes = fixture('calls');
  const copy = new Uint8Array(bytes);
  const spec = readObject(bytes, 'calls');
  for (const program of spec.programs) assert.deepEqual(linkProgram(spec, program), linkProgram(spec, program));
  assert.deepEqual(new Uint8Array(bytes), copy);
});

test('what only the running kernel can answer is refused by name', () => {
  const spec = readObject(fixture('externs'), 'externs.bpf.o');
  const link = (name: string) => () => linkProgram(spec, programOf(spec, name));
  const code = 'OBJECT_UNSUPPORTED';
  assert.throws(link('kernel_function'), {
    code,
    message: /Program kernel_function of externs .* the kernel function bpf_xdp_metadata_rx_hash,/,
  });
  assert.deepEqual(
    link('setting')().maps.map(({ map, offset }) => [map, offset]),
    [['.kconfig', 0]],
  );
  assert.throws(link('relocated'), {
    code,
    message: /externs\.bpf\.c:\d+: `return device->mtu;`\) asks for the offset of struct net_device\.mtu/,
  });
  assert.equal(link('plain')().code.length, 16);
});

test('code of the other byte order is refused', () => {
  const spec = readObject(fixture('small', { target: 'bpfeb' }), 'small.bpf.o');
  assert.throws(() => linkProgram(spec, programOf(spec, 'count')), { code: 'BYTE_ORDER' });
});
