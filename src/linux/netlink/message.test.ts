import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cursor } from '../../bytes/cursor.js';
import { FormatError } from '../../errors/error.js';
import { encodeMessage, PayloadWriter, readAttributeMap, readAttributes, readMessages, readText } from './message.js';

type Tree = { type: number; value: Uint8Array | Tree[] };

const typeNumbers = fc.integer({ min: 1, max: 0x3fff });
const { tree } = fc.letrec<{ tree: Tree; leaf: Tree; branch: Tree }>((tie) => ({
  tree: fc.oneof({ depthSize: 'small' }, tie('leaf'), tie('branch')),
  leaf: fc.record({ type: typeNumbers, value: fc.uint8Array({ maxLength: 40 }) }),
  branch: fc.record({ type: typeNumbers, value: fc.array(tie('tree'), { minLength: 1, maxLength: 4 }) }),
}));

function write(writer: PayloadWriter, { type, value }: Tree): void {
  if (value instanceof Uint8Array) writer.attribute(type, value);
  else
    writer.nest(type, (inner) => {
      for (const child of value) write(inner, child);
    });
}

function assertReadsBack(cursor: Cursor, trees: readonly Tree[]): void {
  const attributes = readAttributes(cursor);
  assert.deepEqual(
    attributes.map(({ type }) => type),
    trees.map(({ type }) => type),
  );
  for (const [index, { value }] of trees.entries()) {
    const read = attributes[index]?.value;
    assert.ok(read);
    if (value instanceof Uint8Array) assert.deepEqual([...read.bytes], [...value]);
    else assertReadsBack(read, value);
  }
}

test('what is written reads back, nested to any depth', () => {
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 6 }), (trees) => {
      const writer = new PayloadWriter();
      for (const each of trees) write(writer, each);
      const bytes = writer.finish();
      assert.equal(bytes.length % 4, 0);
      assertReadsBack(new Cursor(bytes, 'test'), trees);
    }),
    { numRuns: 500 },
  );
});

test('a nested attribute has the flag and its padded children in its length', () => {
  const bytes = new PayloadWriter().nest(43, (xdp) => xdp.attributeI32(1, -1).attributeU8(2, 7)).finish();
  assert.equal(Buffer.from(bytes).toString('hex'), '14002b80' + '08000100ffffffff' + '0500020007000000');
});

test('a message carries its length, type, flags and sequence', () => {
  const [message, ...rest] = readMessages(encodeMessage(18, 0x305, 7, Uint8Array.of(1, 2, 3, 4)));
  assert.deepEqual(rest, []);
  assert.deepEqual(
    [message?.type, message?.flags, message?.sequence, message?.port, message?.payload.u32()],
    [18, 0x305, 7, 0, 0x04030201],
  );
});

test('text ends at its NUL, of several attributes with one type the last holds', () => {
  const bytes = new PayloadWriter().attributeString(3, 'veth0').attributeString(3, 'veth1').finish();
  const name = readAttributeMap(new Cursor(bytes, 'test')).get(3);
  assert.equal(name && readText(name), 'veth1');
});

test('an attribute that does not fit its length field is refused', () => {
  assert.throws(() => new PayloadWriter().attribute(1, new Uint8Array(70_000)), RangeError);
});

/** Walks everything a message could nest, as deep as it goes. */
function walk(cursor: Cursor, depth = 0): number {
  let count = 0;
  for (const { value } of readAttributes(cursor)) {
    count += 1;
    if (depth < 4) {
      try {
        count += walk(value, depth + 1);
      } catch (error) {
        // A leaf's bytes are no attributes; whatever else it throws is a defect.
        if (!(error instanceof FormatError)) throw error;
      }
    }
  }
  return count;
}

test('damaged messages end in a FormatError or a message, never in anything else', () => {
  const payload = new PayloadWriter().attributeString(3, 'veth0');
  payload.nest(18, (info) => info.attributeString(1, 'veth').nest(2, (data) => data.attributeU32(1, 9)));
  const sound = encodeMessage(16, 2, 1, payload.finish());
  const datagram = Buffer.concat([sound, sound]);
  const damage = fc.array(fc.tuple(fc.nat(datagram.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 3 });
  let refused = 0;
  let read = 0;
  fc.assert(
    fc.property(damage, fc.constantFrom(datagram.length, datagram.length, sound.length, 50), (changes, length) => {
      const bytes = Uint8Array.from(datagram);
      for (const [at, value] of changes) bytes[at] = value;
      try {
        for (const message of readMessages(bytes.subarray(0, length))) {
          walk(message.payload);
          read += 1;
        }
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        refused += 1;
      }
    }),
    { numRuns: 20_000 },
  );
  assert.ok(refused > 1000 && read > 1000, `${refused} refused, ${read} read: the damage is not varied enough`);
});
