/** Every map type that xdpkit knows is created on this kernel, with bpftool as witness. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { possibleCpus } from '../linux/cpu.js';
import { pageSize } from '../linux/ffi.js';
import { kernelOlderThan } from '../linux/kernel-release.js';
import { mapTypes } from '../uapi/bpf.generated.js';
import { createPlainMap, type PlainMap } from './create-plain-map.js';
import { bpftool, leftInKernel, refusalOf, uniqueName } from './kernel-state.test.support.js';
import { requires } from './requires.test.support.js';

type Shape = Partial<Omit<PlainMap, 'name' | 'type'>>;
type KnownType = Exclude<keyof typeof mapTypes, 'unspec' | 'struct_ops'>;

/** What is asked for, and what the kernel then has: key, value, entries, flags. */
const types: { readonly [Type in KnownType]: readonly [Shape, readonly number[]] } = {
  hash: [{ keySize: 6, valueSize: 3, maxEntries: 5 }, [6, 3, 5, 0]],
  array: [{ valueSize: 3, maxEntries: 5 }, [4, 3, 5, 0]],
  prog_array: [{ maxEntries: 5 }, [4, 4, 5, 0]],
  perf_event_array: [{}, [4, 4, possibleCpus(), 0]],
  percpu_hash: [{ keySize: 6, valueSize: 3, maxEntries: 5 }, [6, 3, 5, 0]],
  percpu_array: [{ valueSize: 3, maxEntries: 5 }, [4, 3, 5, 0]],
  stack_trace: [{ valueSize: 80, maxEntries: 5 }, [4, 80, 5, 0]],
  cgroup_array: [{ maxEntries: 5 }, [4, 4, 5, 0]],
  lru_hash: [{ keySize: 6, valueSize: 3, maxEntries: 64 }, [6, 3, 64, 0]],
  lru_percpu_hash: [{ keySize: 6, valueSize: 3, maxEntries: 64 }, [6, 3, 64, 0]],
  lpm_trie: [{ keySize: 8, valueSize: 3, maxEntries: 5 }, [8, 3, 5, 1]],
  array_of_maps: [{ maxEntries: 5 }, [4, 4, 5, 0]],
  hash_of_maps: [{ keySize: 6, maxEntries: 5 }, [6, 4, 5, 0]],
  devmap: [{ valueSize: 8, maxEntries: 5 }, [4, 8, 5, 0x80]],
  devmap_hash: [{ valueSize: 4, maxEntries: 5 }, [4, 4, 5, 0x80]],
  sockmap: [{ valueSize: 8, maxEntries: 5 }, [4, 8, 5, 0]],
  cpumap: [{ valueSize: 8, maxEntries: 2 }, [4, 8, 2, 0]],
  xskmap: [{ maxEntries: 5 }, [4, 4, 5, 0]],
  sockhash: [{ keySize: 6, valueSize: 8, maxEntries: 5 }, [6, 8, 5, 0]],
  cgroup_storage: [{ keySize: 8, valueSize: 3 }, [8, 3, 0, 0]],
  reuseport_sockarray: [{ valueSize: 8, maxEntries: 5 }, [4, 8, 5, 0]],
  percpu_cgroup_storage: [{ keySize: 16, valueSize: 3 }, [16, 3, 0, 0]],
  queue: [{ valueSize: 3, maxEntries: 5 }, [0, 3, 5, 0]],
  stack: [{ valueSize: 3, maxEntries: 5 }, [0, 3, 5, 0]],
  sk_storage: [{ valueSize: 24 }, [4, 24, 0, 1]],
  inode_storage: [{ valueSize: 24 }, [4, 24, 0, 1]],
  task_storage: [{ valueSize: 3 }, [4, 3, 0, 1]],
  cgrp_storage: [{ valueSize: 24 }, [4, 24, 0, 1]],
  ringbuf: [{ maxEntries: 5000 }, [0, 0, 2 * pageSize(), 0]],
  bloom_filter: [{ valueSize: 3, maxEntries: 5, mapExtra: 7n }, [0, 3, 5, 0]],
  user_ringbuf: [{ maxEntries: 1 }, [0, 0, pageSize(), 0]],
  arena: [{ maxEntries: 5, mapExtra: 1n << 44n }, [0, 0, 5, 0x400]],
};

interface Shown {
  readonly type: string | number;
  readonly name: string;
  readonly bytes_key: number;
  readonly bytes_value: number;
  readonly max_entries: number;
  readonly flags: number;
}

/** Those that came after Linux 6.1. */
const newer = { cgrp_storage: '6.2', arena: '6.9' } as const;
const sinceOf = (type: string) => newer[type as keyof typeof newer] ?? '6.1';

/** bpftool calls types that are newer than itself by number. */
const shownType = (type: KnownType): (string | number)[] => [type, `type ${mapTypes[type]}`, mapTypes[type]];

for (const type of Object.keys(types) as KnownType[]) {
  test(`a map of type ${type}`, requires(sinceOf(type)), () => {
    const name = uniqueName();
    const [shape, expected] = types[type];
    const holdsMaps = type === 'array_of_maps' || type === 'hash_of_maps';
    using inner = createPlainMap({ name: uniqueName(), type: 'hash', keySize: 2, valueSize: 2, maxEntries: 2 });
    using map = createPlainMap({ maxEntries: 0, ...shape, name, type, inner: holdsMaps ? inner : undefined });
    const info = map.info();
    assert.equal(info.mapExtra, shape.mapExtra ?? 0n);
    const shown = bpftool('map', 'show', 'id', String(info.id)) as Shown;
    assert.ok(shownType(type).includes(shown.type), String(shown.type));
    assert.deepEqual([shown.bytes_key, shown.bytes_value, shown.max_entries, shown.flags], expected);
    assert.equal(shown.name, name);
    assert.deepEqual([info.type, info.typeNumber], [type, mapTypes[type]]);
  });
}

for (const [type, release] of Object.entries(newer)) {
  if (!kernelOlderThan(release)) continue;
  test(`that a map of type ${type} is newer than the kernel is told`, () => {
    assert.throws(() => createPlainMap({ maxEntries: 0, ...types[type as KnownType][0], name: uniqueName(), type }), {
      code: 'MAP_CREATE',
      hint: new RegExp(`^Linux ${release} brought maps of type ${type}, and this is `),
    });
  });
}

test('no type is left out', () => {
  assert.deepEqual([...Object.keys(types), 'unspec', 'struct_ops'].sort(), Object.keys(mapTypes).sort());
});

test('what cannot be created is told why', () => {
  const name = uniqueName();
  const refused = (type: string, shape: Shape) =>
    refusalOf(() => createPlainMap({ maxEntries: 1, ...shape, name, type }));
  assert.match(refused('struct_ops', {}), /^OBJECT_UNSUPPORTED: map "\w+" is a table of functions for the kernel/);
  assert.equal(
    refused('hash_of_maps', {}),
    'USAGE: a map of type hash_of_maps needs a map of the shape that it is to hold',
  );
  assert.equal(refused('hash', { inner: { fd: 0 } }), 'USAGE: a map of type hash holds no maps');
  assert.match(
    refused('sk_storage', { valueSize: 8 }),
    /^MAP_CREATE: create map .*\(sk_storage, .* 1 entries\): Invalid/,
  );
  assert.match(refused('ringbuf', { maxEntries: 0 }), /^MAP_CREATE: create map .*\(ringbuf, .* 0 entries\): Invalid/);
  assert.match(refused('stack_trace', { valueSize: 3 }), /^MAP_CREATE: create map .*\(stack_trace, /);
  assert.deepEqual(leftInKernel(name), []);
});
