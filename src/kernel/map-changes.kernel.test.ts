/** Lists of maps from which another process deletes at the same time. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { scratchNetns } from '../linux/scratch-netns.test.helper.js';
import { createPlainMap, type PlainMap } from './create-plain-map.js';
import { bpftool, uniqueName } from './kernel-state.test.support.js';
import type { BpfMap } from './map.js';
import { openMap } from './map-create.js';
import { openPinned } from './pin.js';

const self = fileURLToPath(import.meta.url);
const [role, path] = process.argv.slice(2);

/** Keys are numbers: even ones stay, odd ones come and go. */
function keyOf(type: string, number: number): Uint8Array {
  const key = new Uint8Array(type === 'lpm_trie' ? 8 : 4);
  const view = new DataView(key.buffer);
  if (type === 'lpm_trie') {
    // A longer prefix below every 32nd number, so that some cover others.
    view.setUint32(0, number % 32 === 0 ? 27 : 32, true);
    view.setUint32(4, number);
  } else view.setUint32(0, number, true);
  return key;
}

function numberOf(type: string, key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return type === 'lpm_trie' ? view.getUint32(4) : view.getUint32(0, true);
}

/** Each change of a map of maps waits for all CPUs. */
const countOf = (type: string): number => (type === 'hash_of_maps' ? 100 : 2000);

if (role === 'come-and-go') {
  const map = openMap(openPinned(path as string, 'test map') ?? assert.fail('no pin'));
  const { type } = map.definition;
  const count = countOf(type);
  const value = map.getBytes(keyOf(type, 0)) ?? assert.fail('no entry');
  // Values of maps of maps are read as ids, and written as descriptors.
  using inner = openInner(type);
  if (inner) new DataView(value.buffer).setUint32(0, inner.fd, true);
  process.send?.('ready');
  // Until it is ended, or its parent is gone.
  process.on('disconnect', () => process.exit());
  let seed = 1;
  const loop = (): void => {
    for (let turn = 0; turn < 200; turn += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      const key = keyOf(type, ((seed >> 8) % (count / 2)) * 2 + 1);
      if (seed % 3 === 0) map.setBytes(key, value);
      else map.deleteBatch(key, 1);
    }
    setImmediate(loop);
  };
  loop();
} else define();

function openInner(type: string): BpfMap | undefined {
  if (type !== 'hash_of_maps') return undefined;
  return createPlainMap({ name: uniqueName(), type: 'hash', keySize: 4, valueSize: 4, maxEntries: 1 });
}

function define(): void {
  const children = new Set<ChildProcess>();
  after(() => {
    for (const child of children) child.kill();
  });
  for (const type of ['hash', 'lru_hash', 'lpm_trie', 'devmap_hash'] as const) {
    test(`a ${type}: what stays is seen once in every list, while others come and go`, async (context) => {
      // Devices are looked up where the call is made: a namespace of its own has a loopback, 1.
      const netns = scratchNetns(context);
      const count = countOf(type);
      const pin = `/sys/fs/bpf/${uniqueName()}`;
      const keySize = keyOf(type, 0).length;
      const shape: Omit<PlainMap, 'name' | 'inner'> = { type, keySize, valueSize: 4, maxEntries: 4 * count };
      using inner = openInner(type);
      using map = createPlainMap({ ...shape, name: uniqueName(), inner });
      const value = new Uint8Array(4);
      new DataView(value.buffer).setUint32(0, inner?.fd ?? 1, true);
      netns.run(() => {
        for (let number = 0; number < count; number += 1) map.setBytes(keyOf(type, number), value);
      });
      map.pin(pin);
      const child = netns.run(() =>
        spawn(process.execPath, [self, 'come-and-go', pin], {
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        }),
      );
      children.add(child);
      try {
        await new Promise((resolve, reject) => {
          child.once('message', resolve);
          child.once('exit', (code) => reject(new Error(`the other process ended with ${code}`)));
        });
        let changing = 0;
        for (let turn = 0; turn < 60; turn += 1) {
          const seen: number[] = [];
          // Small batches stop at many keys.
          for (const batch of map.batches(turn % 2 === 0 ? 16 : undefined)) {
            for (let at = 0; at < batch.count; at += 1) {
              seen.push(numberOf(type, batch.keys.subarray(at * keySize, (at + 1) * keySize)));
            }
          }
          const staying = seen.filter((number) => number % 2 === 0);
          assert.equal(new Set(staying).size, staying.length, 'none twice');
          assert.equal(staying.length, count / 2, 'none lost');
          if (seen.length - staying.length !== count / 2) changing += 1;
        }
        assert.ok(changing > 50, `only ${changing} lists met a change`);
      } finally {
        child.kill();
        rmSync(pin);
      }
    });
  }

  test('batches of deletes count what was there', () => {
    for (const [type, keySize] of [
      ['hash', 4],
      ['lpm_trie', 8],
      ['hash_of_maps', 4],
    ] as const) {
      using inner = openInner(type);
      using map = createPlainMap({ name: uniqueName(), type, keySize, valueSize: 4, maxEntries: 20, inner });
      const value = new Uint8Array(4);
      if (inner) new DataView(value.buffer).setUint32(0, inner.fd, true);
      for (const number of [1, 2, 3, 5, 8, 13]) map.setBytes(keyOf(type, number), value);
      const keys = Buffer.concat([4, 1, 5, 6, 7, 13, 9].map((number) => keyOf(type, number)));
      assert.equal(map.deleteBatch(keys, 7), 3, type);
      assert.deepEqual(
        [...map.batches()].flatMap(({ count: some }) => some).reduce((a, b) => a + b, 0),
        3,
      );
      assert.equal(map.deleteBatch(new Uint8Array(0), 0), 0);
      assert.throws(() => map.deleteBatch(keys, 6), { code: 'KEY_SHAPE', message: /6 keys are \d+ bytes, not \d+$/ });
    }
    using array = createPlainMap({ name: uniqueName(), type: 'array', valueSize: 4, maxEntries: 2 });
    assert.throws(() => array.deleteBatch(new Uint8Array(4), 1), { code: 'SYSCALL', message: /delete from map/ });
  });

  test('drain takes all entries out, once', () => {
    for (const type of ['hash', 'lru_hash', 'percpu_hash', 'lpm_trie', 'hash_of_maps'] as const) {
      const count = countOf(type);
      const keySize = keyOf(type, 0).length;
      using inner = openInner(type);
      using map = createPlainMap({ name: uniqueName(), type, keySize, valueSize: 4, maxEntries: 4 * count, inner });
      const value = new Uint8Array(map.valueCodec.size);
      if (inner) new DataView(value.buffer).setUint32(0, inner.fd, true);
      for (let number = 0; number < count; number += 1) map.setBytes(keyOf(type, number), value);
      const taken = map.drain();
      assert.equal(new Set(taken.map(([key]) => String(key))).size, count, type);
      assert.equal(taken.length, count, type);
      assert.deepEqual(bpftool('map', 'dump', 'id', String(map.info().id)), [], type);
      assert.deepEqual(map.drain(), []);
    }
    using array = createPlainMap({ name: uniqueName(), type: 'array', valueSize: 4, maxEntries: 2 });
    assert.throws(() => array.drain(), { code: 'SYSCALL', message: /delete from map/ });
  });
}
