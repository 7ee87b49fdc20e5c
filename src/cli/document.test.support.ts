/** What documents show is run as it stands there: their blocks of code, and their commands. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The fenced blocks of a language, '' for those that name none. */
export function blocksOf(document: string, language: string): string[] {
  const all = [...document.matchAll(/^```([a-z]*)\n(.*?)^```$/gms)];
  return all.filter(([, name]) => name === language).map(([, , text = '']) => text);
}

/** Runs one command as the shell does, in `folder`; its status is what the document says, 0 where it says nothing. */
export function runCommand(command: string, folder: string, wanted = 0): string {
  const script = command
    .replace(/^(\.\/)?xdpkit\b/, `${process.execPath} ${join(root, 'dist/cli/main.js')}`)
    .replaceAll(/(?<= )examples\//g, `${root}examples/`);
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script], { cwd: folder, encoding: 'utf8' });
  assert.equal(status, wanted, `${command}\n${stdout}${stderr}`);
  return stdout;
}

/** Compiles a module strictly, against the types of this package, and runs it; what it printed. `folder` is in the package. */
export function runTypeScript(text: string, folder: string): string {
  writeFileSync(join(folder, 'example.ts'), text);
  const settings = { extends: join(root, 'tsconfig.json'), include: [], files: ['example.ts'] };
  const compilerOptions = { rootDir: '.', outDir: '.', incremental: false, tsBuildInfoFile: null };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...settings, compilerOptions }));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const compiled = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' });
  assert.equal(compiled.status, 0, compiled.stdout);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['example.js'], { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}
