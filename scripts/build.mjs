/**
 * src/ to dist/: TypeScript by tsc, BPF C by xdpkit's own compiler front (dist/bpf/NAME.bpf.o), and library and
 * command line as bundles in dist/lib and dist/bin, which start faster than some hundred small modules.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { markBuilt, root } from './build-state.mjs';
import { withBuildLock } from './lock.mjs';
import { fail, run, say } from './talk.mjs';

const dist = join(root, 'dist');

async function build() {
  process.chdir(root);
  const startedAt = Date.now();
  removeOrphans();
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  if ((await run(process.execPath, [tsc, '-p', root])) !== 0) fail('TypeScript found errors, see above');
  const objects = await compileObjects();
  const { bundleCommandLine, bundleLibrary } = await import('./bundle.mjs');
  await bundleLibrary();
  await bundleCommandLine();
  markBuilt(startedAt, { objects });
}

/** What tsc made from a source that is gone would still be imported, tested and packed. */
function removeOrphans() {
  const emitted = /\.(js|js\.map|d\.ts)$/;
  for (const file of filesUnder(dist)) {
    if (!emitted.test(file) || /^(bin|lib)\//.test(file)) continue;
    const source = join(root, 'src', file.replace(emitted, '.ts'));
    if (!sources.has(source)) rmSync(join(dist, file));
  }
}

/** False when there is no clang or no header to compile with: the TypeScript half of the build is of use without. */
async function compileObjects() {
  const { compileBpf } = await import('../dist/compile/compile.js');
  const examples = filesUnder(join(root, 'examples')).map((file) => join(root, 'examples', file));
  rmSync(join(dist, 'bpf'), { recursive: true, force: true });
  mkdirSync(join(dist, 'bpf'), { recursive: true });
  for (const file of [...sources, ...examples].filter(isProgram)) {
    // Relative, because the object's line information keeps the name as given.
    const source = relative(root, file);
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

/** Test data is compiled by the tests, in more ways than one. */
function isProgram(file) {
  return file.endsWith('.bpf.c') && !file.includes('/testdata/');
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
