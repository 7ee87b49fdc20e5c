/** `xdpkit refs …` on objects of the test's own. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { bpftool, uniqueName } from '../kernel/kernel-state.test.support.js';
import { openText } from '../object/compile-text.test.support.js';
import { runWords } from './run-words.test.support.js';

const unique = uniqueName();
const object = openText(`
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, int); } m_${unique} SEC(".maps");
SEC("xdp") int p_${unique}(struct xdp_md *c) { int key = 0; return bpf_map_lookup_elem(&m_${unique}, &key) ? XDP_DROP : XDP_PASS; }
`);

test('a map that a pinned program uses: tree, verdict, document', async () => {
  const pin = `/sys/fs/bpf/refs_cli_${unique}`;
  const loaded = object.load({ programs: [`p_${unique}`] });
  const program = loaded.program(`p_${unique}`);
  const id = program.info().id;
  const mapId = loaded.map(`m_${unique}`).info().id;
  program.pin(pin);
  loaded[Symbol.dispose]();
  try {
    const { pinned } = bpftool('-f', 'prog', 'show', 'id', String(id)) as { pinned: string[] };
    assert.deepEqual(pinned, [pin]);
    const ran = await runWords(['refs', 'map', `m_${unique}`]);
    assert.deepEqual([ran.exitCode, ran.stderr], [0, '']);
    assert.deepEqual(ran.stdout.split('\n'), [
      `map ${mapId} (m_${unique}, array)`,
      `└─ program ${id} (p_${unique}, xdp) uses it`,
      `   └─ pin ${pin}`,
      '',
      `map ${mapId} is freed when this is gone:`,
      `  rm ${pin}`,
      '',
    ]);
    const root = { by: 'pin', path: pin, mountNamespaceOf: null };
    const { stdout } = await runWords(['refs', 'map', String(mapId), '--json']);
    assert.deepEqual(JSON.parse(stdout), {
      kind: 'map',
      id: mapId,
      name: `m_${unique}`,
      type: 'array',
      again: false,
      heldBy: [
        {
          by: 'object',
          how: 'uses',
          object: { kind: 'program', id, name: `p_${unique}`, type: 'xdp', again: false, heldBy: [root] },
        },
      ],
      roots: [root],
      circles: [],
      unseen: [],
      verdict: `map ${mapId} is freed when this is gone:`,
      steps: [`rm ${pin}`],
    });
  } finally {
    rmSync(pin);
  }
  const gone = await runWords(['refs', 'link', '4294967295']);
  assert.equal(gone.exitCode, 3);
  assert.match(gone.stderr, /^error: there is no link with id 4294967295\n/);
});
