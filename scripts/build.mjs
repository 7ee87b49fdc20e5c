/**
 * src/ to dist/: TypeScript by tsc, BPF C by xdpkit's own compiler front (dist/bpf/NAME.bpf.o), and the command line as
 * a bundle in dist/bin, which starts faster than some hundred small modules.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { markBuilt, root } from './build-state.mjs';
import { withBuildLock } from './lock.mjs';
import { fail, run, say } from './talk.mjs';

const dist = join(root, 'dist');

async function build() {
  const startedAt = Date.now();
  removeOrphans();
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  if ((await run(process.execPath, [tsc, '-p', root])) !== 0) fail('TypeScript found errors, see above');
  const objects = await compileObjects();
  const { bundleCommandLine } = await import('./bundle.mjs');
  await bundleCommandLine();
  markBuilt(startedAt, { objects });
}

/** What tsc made from a source that is gone would still be imported, tested and packed. */
function removeOrphans() {
  const emitted = /\.(js|js\.map|d\.ts)$/;
  for (const file of filesUnder(dist)) {
    if (!emitted.test(file) || file.startsWith('bin/')) continue;
    const source = join(root, 'src', file.replace(emitted, '.ts'));
    if (!sources.has(source)) rmSync(join(dist, file));
  }
}

/** False when there is no clang or no header to compile with: the TypeScript half of the build is of use without. */
async function compileObjects() {
  const { compileBpf } = await import('../dist/compile/compile.js');
  const programs = [...sources, ...filesUnder(join(root, 'examples')).map((file) => join(root, 'examples', file))];
  mkdirSync(join(dist, 'bpf'), { recursive: true });
  for (const source of programs.filter((file) => file.endsWith('.bpf.c'))) {
    const output = join(dist, 'bpf', basename(source).replace(/\.c$/, '.o'));
    try {
      const { warnings } = await compileBpf({ source, output });
      if (warnings !== '') say(warnings);
    } catch (error) {
      if (error.log !== undefined) say(error.log);
      if (error.code !== 'TOOL_MISSING') fail(error.message);
      say(`built without BPF objects: ${error.message} (${error.hint})`);
      return false;
    }
  }
  return true;
}

function filesUnder(folder) {
  try {
    return readdirSync(folder, { recursive: true }).map(String);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

const sources = new Set(filesUnder(join(root, 'src')).map((file) => join(root, 'src', file)));

if (process.argv.includes('--locked')) await build();
else await withBuildLock(build, () => say('waiting for another build of this clone …'));
