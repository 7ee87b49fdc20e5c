/** What the README shows is run here as it stands there, in a lab of a random name. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { labDown, labUp, sweepLabs } from '../lab/index.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
// Inside of the package, so that `import 'xdpkit'` finds it as it is for users.
mkdirSync(join(root, 'build'), { recursive: true });
const folder = mkdtempSync(join(root, 'build', 'readme-'));
const labName = `readme-${folder.slice(-6).toLowerCase()}`;

sweepLabs();
after(() => rmSync(folder, { recursive: true, force: true }));

/** The fenced blocks of a language, with the lab's name exchanged. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) =>
    text.replaceAll(/\bdemo(?=-left|-right| |$)/gm, labName),
  );
}

test('the commands by hand', () => {
  const [session] = blocks('sh');
  assert(session !== undefined);
  try {
    for (const line of session.trim().split('\n')) {
      const [command = '', comment = ''] = line.split(/\s+# /);
      const wanted = Number(/exit code (\d+)/.exec(comment)?.[1] ?? 0);
      const script = command
        .replace('./xdpkit', `${process.execPath} ${join(root, 'dist/cli/main.js')}`)
        .replaceAll(/\bexamples\//g, `${root}examples/`);
      const { status, stdout, stderr } = spawnSync('sh', ['-c', script], { cwd: folder, encoding: 'utf8' });
      assert.equal(status, wanted, `${command}\n${stdout}${stderr}`);
    }
  } finally {
    spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), 'lab', 'down', labName]);
  }
});

test('the TypeScript example compiles and runs', () => {
  const [example] = blocks('ts');
  assert(example !== undefined);
  const lines = example
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '');
  assert(lines.length <= 10, 'the README promises a short example');
  const lab = labUp({ name: labName });
  try {
    writeFileSync(
      join(folder, 'example.ts'),
      example.replace('drop-ping.bpf.o', join(root, 'dist/bpf/drop-ping.bpf.o')),
    );
    const settings = { extends: join(root, 'tsconfig.json'), include: [], files: ['example.ts'] };
    const compilerOptions = { rootDir: '.', outDir: '.', incremental: false, tsBuildInfoFile: null };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...settings, compilerOptions }));
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const compiled = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' });
    assert.equal(compiled.status, 0, compiled.stdout);
    const printed = execFileSync(process.execPath, [join(folder, 'example.js')], { encoding: 'utf8' });
    assert.match(printed, /^veth0: program \d+ in native mode\nABORTED 0n\nDROP 0n\nPASS \d+n\nTX 0n\nREDIRECT 0n\n$/);
  } finally {
    lab.close();
    labDown(labName);
  }
});

test("the demo's transcript is what the demo prints", () => {
  const transcript = blocks('').find((text) => text.includes('steps held'));
  assert(transcript !== undefined);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), 'demo'], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  assert.equal(status, 0, stdout + stderr);
  assert.deepEqual(withoutNumbers(stdout), withoutNumbers(transcript));
});

/** Names, ids, times and releases are of each run; addresses stay. */
function withoutNumbers(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .map((line) =>
      line
        .replace(/\(Linux [^)]*\)/, '(Linux …)')
        .replace(/\blab-[0-9a-f]+/g, 'lab-…')
        .replace(/\b\d+(\.\d+)? (µs|ms|s)\b/g, '… $2')
        .replace(/\b\d+ (dropped|answered)\b/g, '… $1')
        .replace(/\(\d+\)/g, '(…)'),
    );
}
