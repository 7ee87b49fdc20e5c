import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMountInfo } from './mount.js';

test('mountinfo: optional fields, escaped names, bound namespaces, lines that are none', () => {
  const table = [
    '36 35 98:0 / /mnt\\040with\\134blank rw,noatime shared:7 master:1 - ext3 /dev/root rw,errors=continue',
    '40 35 0:30 / /sys/fs/bpf rw - bpf none rw,mode=700',
    '41 35 0:4 net:[4026532177] /run/netns/lab-left rw shared:9 - nsfs nsfs rw',
    'nonsense',
    '',
  ].join('\n');
  assert.deepEqual(parseMountInfo(table), [
    { path: '/mnt with\\blank', type: 'ext3', root: '/', source: '/dev/root' },
    { path: '/sys/fs/bpf', type: 'bpf', root: '/', source: 'none' },
    { path: '/run/netns/lab-left', type: 'nsfs', root: 'net:[4026532177]', source: 'nsfs' },
  ]);
});
