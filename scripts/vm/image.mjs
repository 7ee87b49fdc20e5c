/**
 * The file system of the guest: this machine's own Node.js and tools with the libraries they name, a static busybox for
 * the rest, the built project at the path that it has here, and the kernel's modules.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../build-state.mjs';
import { writeCpio } from './cpio.mjs';
import { busybox } from './kernels.mjs';

const inside = fileURLToPath(new URL('inside/', import.meta.url));

/** Those that speak to the kernel run inside. */
const tools = [
  'bpftool',
  'ip',
  'tc',
  'ethtool',
  'ping',
  'tcpdump',
  'xdp-loader',
  'unshare',
  'nsenter',
  'setpriv',
  'tar',
  'objcopy',
  'readelf',
];

/** Those that only read and write files run outside, where they are fast (see inside/outside.sh). */
const toolsOutside = ['clang', 'clang-19', 'bpf-gcc', 'llvm-objdump'];

/** What the tests read of the project, and objects that Debian's packages bring. */
const projectParts = ['dist', 'src', 'examples', 'templates', 'node_modules', 'package.json', 'scripts/vm/inside'];
const otherFolders = ['/usr/lib/x86_64-linux-gnu/bpf'];
const unwanted = /\.d\.ts$|(^|\/)(dist\/\.foreign|node_modules\/(typescript|@?esbuild|@biomejs|@types|undici-types))$/;

export function writeImage(output, { kernel, testFiles, temporary }) {
  const tree = new Map();
  for (const folder of ['proc', 'sys', 'dev', 'tmp', 'root', 'run', 'etc', 'sbin', 'bin', 'usr/bin', 'usr/sbin'])
    addFolder(tree, `/${folder}`);
  addFile(tree, '/etc/passwd', Buffer.from('root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n'));
  addFile(tree, '/etc/hosts', Buffer.from('127.0.0.1 localhost\n'));
  addFile(tree, '/etc/services', Buffer.from(''));
  addFile(tree, '/bin/busybox', readFileSync(busybox), 0o755);
  addFile(tree, '/init', readFileSync(join(inside, 'init.sh')), 0o755);
  for (const tool of toolsOutside) addFile(tree, `/usr/bin/${tool}`, readFileSync(join(inside, 'outside.sh')), 0o755);
  addProgram(tree, realpathSync(process.execPath), '/usr/bin/node');
  for (const tool of tools) {
    const path = find(tool);
    if (path === undefined) throw new Error(`${tool} is not installed`);
    addProgram(tree, realpathSync(path), `/usr/bin/${tool}`);
  }
  for (const part of projectParts) addTree(tree, join(root, part));
  // Only its being there is asked for: what is in it is read outside.
  addFolder(tree, '/usr/include/x86_64-linux-gnu');
  for (const folder of otherFolders) if (existsSync(folder)) addTree(tree, folder);
  for (const [index, { name, bytes }] of kernel.modules.entries())
    addFile(tree, `/modules/${String(index).padStart(3, '0')}-${name}.ko`, bytes);
  addFile(tree, `/boot/config-${kernel.release}`, kernel.config);
  addFile(tree, '/work.json', Buffer.from(JSON.stringify({ root, testFiles })));
  addFile(tree, '/root.path', Buffer.from(root));
  addFile(tree, '/tmpdir.path', Buffer.from(temporary));
  addFolder(tree, temporary);
  writeCpio(output, tree.values());
}

function addFolder(tree, path) {
  if (path === '/' || tree.has(path)) return;
  addFolder(tree, dirname(path));
  tree.set(path, { path: path.slice(1), kind: 'folder', mode: path.startsWith('/tmp') ? 0o1777 : 0o755 });
}

function addFile(tree, path, bytes, mode = 0o644) {
  addFolder(tree, dirname(path));
  tree.set(path, { path: path.slice(1), kind: 'file', mode, bytes });
}

function addTree(tree, path) {
  if (unwanted.test(path)) return;
  const stats = lstatSync(path);
  if (stats.isDirectory()) {
    addFolder(tree, path);
    for (const name of readdirSync(path)) addTree(tree, join(path, name));
  } else if (stats.isSymbolicLink()) {
    addFolder(tree, dirname(path));
    tree.set(path, { path: path.slice(1), kind: 'link', mode: 0o777, bytes: Buffer.from(readlinkSync(path)) });
  } else if (stats.isFile()) {
    addFile(tree, path, readFileSync(path), stats.mode & 0o777);
  }
}

/** A program and the libraries that it names, each at the path where the loader will look for it. */
function addProgram(tree, from, place) {
  addFile(tree, place, readFileSync(from), 0o755);
  const { stdout } = spawnSync('ldd', [from], { encoding: 'utf8' });
  for (const [, path] of stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm))
    if (!tree.has(path)) addFile(tree, path, readFileSync(path), statSync(path).mode & 0o777);
}

function find(tool) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, tool)).find((path) => existsSync(path));
}
