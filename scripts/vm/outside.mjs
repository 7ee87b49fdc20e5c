/**
 * Runs a compiler for the guest, one call each: `inside/outside.sh` sends the words and files as a tar archive, and gets
 * one back with what the tool wrote. Folders for what is temporary have the same path in the guest, and so has the
 * project, so that objects name their sources as if they had been compiled inside.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const { call, archive } = await readRequest();
try {
  tar(['-x', '-P'], archive);
  const lines = (name) => readFileSync(join(call, name), 'utf8').split('\n').slice(0, -1);
  const [tool, ...words] = lines('words');
  const [folder] = lines('folder');
  const temporary = join(call, '..');
  const inTemporary = (path) => path.startsWith(`${temporary}/`);
  for (const path of [folder, ...words.map(dirname)]) if (inTemporary(path)) mkdirSync(path, { recursive: true });
  const done = spawnSync(tool, words, { cwd: folder, maxBuffer: 1 << 28 });
  writeFileSync(join(call, 'stdout'), done.stdout ?? '');
  writeFileSync(join(call, 'stderr'), done.stderr ?? String(done.error));
  writeFileSync(join(call, 'status'), String(done.status ?? 127));
  const back = [...words, folder].filter((path) => inTemporary(path) && existsSync(path));
  const answer = tar(['-c', '-P', ...['stdout', 'stderr', 'status'].map((name) => join(call, name)), ...back]);
  await new Promise((resolve) => process.stdout.write(answer, resolve));
} finally {
  rmSync(call, { recursive: true, force: true });
}

/** Two lines, the folder of this call and the archive's length, and the archive: the end of stdin is not to be relied on. */
async function readRequest() {
  let all = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    all = Buffer.concat([all, chunk]);
    const [first = -1, second = -1] = [all.indexOf('\n'), all.indexOf('\n', all.indexOf('\n') + 1)];
    if (first < 0 || second <= first) continue;
    const archive = all.subarray(second + 1);
    if (archive.length >= Number(all.subarray(first + 1, second)))
      return { call: String(all.subarray(0, first)), archive };
  }
  throw new Error('the request ended early');
}

function tar(words, input) {
  const { status, stdout, stderr } = spawnSync('tar', [...words, '-f', '-'], { input, maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`tar ${words.join(' ')}: ${stderr}`);
  return stdout;
}
