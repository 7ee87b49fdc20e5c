/**
 * The library in one file for each entry point, and what several of them share: Node needs half the memory, and half the
 * time, that it would need for some two hundred small modules. The command line in one piece for each lazily loaded
 * command. Its npm packages are bundled in, so that who installs xdpkit as a library does not install them; koffi stays
 * outside, because it carries the native addon.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from 'esbuild';
import { root } from './build-state.mjs';

const output = join(root, 'dist/bin');

export async function bundleLibrary() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entries = Object.values(exports).flatMap(({ types, default: file }) => {
    const source = types?.replace(/^\.\/dist\/(.*)\.d\.ts$/, 'src/$1.ts');
    return source === undefined ? [] : [[file.replace(/^\.\/dist\/lib\/(.*)\.js$/, '$1'), source]];
  });
  await bundle(join(root, 'dist/lib'), Object.fromEntries(entries));
}

export async function bundleCommandLine() {
  const { metafile } = await bundle(output, { xdpkit: 'src/cli/main.ts' });
  checkStart(metafile);
  writeFileSync(join(root, 'dist/THIRD-PARTY-LICENSES'), licenses(Object.keys(metafile.inputs)));
}

async function bundle(outdir, entryPoints) {
  rmSync(outdir, { recursive: true, force: true });
  return await build({
    absWorkingDir: root,
    entryPoints,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['koffi'],
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'inline',
    metafile: true,
    logLevel: 'warning',
  });
}

/**
 * Every command pays for what the entry loads at once: the frame, and the parameters of the commands. Features are
 * loaded by the command that runs, or all of them start slowly.
 */
function checkStart({ outputs }) {
  const start = new Set([relative(root, join(output, 'xdpkit.js'))]);
  for (const file of start) {
    for (const { path, kind } of outputs[file].imports)
      if (kind === 'import-statement' && outputs[path]) start.add(path);
  }
  const loaded = [...start].flatMap((file) => Object.keys(outputs[file].inputs));
  const tooMuch = loaded.filter((input) => /^src\/(?!cli\/|errors\/)/.test(input));
  if (tooMuch.length > 0) throw new Error(`the command line loads at its start: ${tooMuch.join(', ')}`);
}

/** The licenses of every package that went into the bundle. */
function licenses(inputs) {
  const folders = inputs.map((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]).filter(Boolean);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
    const path = file === undefined ? undefined : join(root, folder, file);
    const text = path !== undefined && existsSync(path) ? readFileSync(path, 'utf8').trim() : `License: ${license}`;
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  const head = 'The command line (dist/bin) contains code of these packages.\n';
  return [head, ...texts].join(`\n${'-'.repeat(80)}\n\n`);
}
