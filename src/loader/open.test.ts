import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openObject } from './open.js';

test('a file that cannot be read is told in words', async () => {
  const refusal = async (path: string) => {
    const { code, message, hint } = await openObject(path).then(
      () => assert.fail('it was opened'),
      (error) => error,
    );
    return { code, message, hint };
  };
  const missing = '/no/such/object.bpf.c';
  assert.deepEqual(await refusal(missing), {
    code: 'FILE_NOT_FOUND',
    message: `open ${missing}: there is no such file`,
    hint: 'This is C source: compile it with `xdpkit build` first.',
  });
  assert.equal((await refusal('/proc')).message, 'open /proc: it is a folder');
  assert.match((await refusal(`${process.execPath}/x`)).message, /^open \S+: ENOTDIR: not a directory/);
});
