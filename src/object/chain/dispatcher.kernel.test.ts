/**
 * libxdp's own dispatcher, as Debian ships it, on the same members: what it answers the chain answers. Its slots are
 * functions that the linker lets us write, where trampolines would replace them.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { assemble, exit, mov } from '../../asm/assemble.js';
import { OpenedObject } from '../../loader/open.js';
import { verdicts } from '../../packet/verdict.js';
import { runPacket } from '../../xdp/run-packet.js';
import { readObject } from '../read.js';
import type { ObjectSpec } from '../spec.js';
import { chainProgramName, inRunOrder, linkChain } from './link-chain.js';
import { answers, type ModelMember, memberOf } from './members.test.support.js';

const path = ['x86_64', 'aarch64']
  .map((one) => `/usr/lib/${one}-linux-gnu/bpf/xdp-dispatcher.o`)
  .find((one) => existsSync(one));
const packet = new Uint8Array(60);
const mostMembers = 10;

/** `struct xdp_dispatcher_conf` of protocol version 2: magic, version, members, frags, then actions and priorities. */
function dispatcherOf(members: readonly ModelMember[]): ObjectSpec {
  const spec = readObject(readFileSync(path ?? ''), 'xdp-dispatcher.o');
  const conf = new DataView(new ArrayBuffer(124));
  [236, 2, members.length, 0].forEach((byte, at) => void conf.setUint8(at, byte));
  for (const [index, { next, priority }] of members.entries()) {
    const actions = next.reduce((bits, one) => bits | (1 << verdicts.indexOf(one)), 1 << 31);
    conf.setUint32(4 + index * 4, actions >>> 0, true);
    conf.setUint32(44 + index * 4, priority, true);
  }
  return {
    ...spec,
    maps: spec.maps.map((map) =>
      map.name === '.rodata' ? { ...map, initialValue: new Uint8Array(conf.buffer) } : map,
    ),
    functions: spec.functions.map((one) => {
      const number = /^prog(\d)$/.exec(one.name)?.[1];
      const member = number === undefined ? undefined : members[Number(number)];
      if (member === undefined) return one;
      return { ...one, code: assemble(mov(0, member.answer), exit()), lines: one.lines.slice(0, 1), references: [] };
    }),
  };
}

const someMember = fc.record({
  answer: fc.constantFrom(...answers),
  priority: fc.integer({ min: 0, max: 99 }),
  next: fc.subarray([...verdicts]),
});

test("a chain answers what libxdp's dispatcher answers", {
  skip: path === undefined && 'libxdp1 is not installed',
}, () => {
  const seen = new Set<number>();
  fc.assert(
    fc.property(fc.array(someMember, { minLength: 1, maxLength: mostMembers }), (drawn) => {
      const members = inRunOrder(drawn.map((one, index) => ({ ...one, name: `m${index}` })));
      using theirs = new OpenedObject(dispatcherOf(members)).load({ programs: ['xdp_dispatcher'] });
      using ours = new OpenedObject(linkChain(members.map(memberOf)).spec).load();
      const expected = runPacket(theirs.program('xdp_dispatcher'), { packet }).returned;
      seen.add(expected);
      assert.equal(runPacket(ours.program(chainProgramName), { packet }).returned, expected);
    }),
    { numRuns: 100 },
  );
  assert.deepEqual([...seen].toSorted(), answers);
});
