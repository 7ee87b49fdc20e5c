/**
 * The kernels of Debian that the tests of `npm run test:vm` run on, and how they get here: packages are unpacked into
 * build/vm, not installed. A new kernel is one line in `kernels`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { root } from '../build-state.mjs';
import { aptGet } from '../debian-packages.mjs';

/** The newest package whose name fits is taken. */
export const kernels = [
  { name: '6.1', packages: /^linux-image-6\.1\.\S+-cloud-amd64-unsigned$/ },
  { name: '6.12', packages: /^linux-image-6\.12\.\S+-cloud-amd64-unsigned$/ },
];

/** What init loads, with all that it depends on; a name that is built into a kernel is fine. */
export const modules = [
  ...['virtio_pci', 'virtio_net', 'veth', 'bonding', 'tun', 'dummy', 'bridge', '8021q', 'macvlan'],
  ...['sch_ingress', 'cls_bpf', 'act_bpf', 'nf_conntrack', 'nf_nat'],
];

const folder = join(root, 'build/vm');
export const busybox = join(folder, 'busybox-static/bin/busybox');

export function missingKernels() {
  const wanted = kernels.filter(({ name }) => !existsSync(join(folder, name))).map(({ name }) => name);
  return existsSync(busybox) ? wanted : [...wanted, 'busybox-static'];
}

/** Brings what is missing; gives a sentence when something can't be had. */
export function fetchKernels() {
  const missing = missingKernels();
  if (missing.length === 0) return undefined;
  // Lists that still name a package may be out of date: its file is then gone from the mirror.
  return fetchAll(missing) === undefined
    ? undefined
    : aptGet(['update']) === 0
      ? fetchAll(missing)
      : 'no package lists';
}

function fetchAll(names) {
  for (const name of names) {
    if (existsSync(join(folder, name))) continue;
    const kernel = kernels.find((each) => each.name === name);
    const wanted = kernel === undefined ? name : newest(kernel.packages);
    if (wanted === undefined) return `Debian's package lists have no ${kernel.packages.source}`;
    if (!unpack(wanted, join(folder, name))) return `could not get the Debian package ${wanted}`;
  }
  return undefined;
}

function newest(pattern) {
  const { stdout } = spawnSync('apt-cache', ['pkgnames', 'linux-image-'], { encoding: 'utf8' });
  const order = new Intl.Collator('en', { numeric: true });
  return stdout
    .split('\n')
    .filter((name) => pattern.test(name))
    .sort(order.compare)
    .at(-1);
}

/** In place only when whole, so that a broken run is made good by the next one. */
function unpack(name, place) {
  const work = mkdtempSync(join(tmpdir(), 'xdpkit-vm-'));
  const half = `${place}.${process.pid}`;
  try {
    if (aptGet(['download', name], { cwd: work, quiet: true }) !== 0) return false;
    const [file] = readdirSync(work);
    mkdirSync(half, { recursive: true });
    const { status } = spawnSync('dpkg-deb', ['-x', join(work, file), half], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) return false;
    renameSync(half, place);
    return true;
  } finally {
    for (const each of [work, half]) rmSync(each, { recursive: true, force: true });
  }
}

/** A kernel's release, the path of its image, its configuration, and the modules to load in that order, each `{ name, bytes }`. */
export function readKernel({ name }) {
  const place = join(folder, name);
  const image = readdirSync(join(place, 'boot')).find((file) => file.startsWith('vmlinuz-'));
  const release = image.slice('vmlinuz-'.length);
  const library = join(place, 'lib/modules', release);
  const files = new Map(
    readdirSync(library, { recursive: true })
      .filter((file) => /\.ko(\.xz)?$/.test(file))
      .map((file) => [moduleName(file), join(library, file)]),
  );
  const builtIn = new Set(readFileSync(join(library, 'modules.builtin'), 'utf8').split('\n').map(moduleName));
  const loaded = new Map();
  const load = (module) => {
    if (loaded.has(module) || builtIn.has(module)) return;
    const file = files.get(module);
    if (file === undefined) throw new Error(`Linux ${release} of Debian has no module ${module}`);
    const bytes = file.endsWith('.xz') ? xz(file) : readFileSync(file);
    // A section of strings, each ended by a zero: key=value.
    const depends = /\0depends=([^\0]*)\0/.exec(bytes.toString('latin1'))?.[1] ?? '';
    for (const each of depends.split(',').filter(Boolean)) load(moduleName(each));
    loaded.set(module, bytes);
  };
  for (const module of modules) load(module);
  return {
    name,
    release,
    image: join(place, 'boot', image),
    config: readFileSync(join(place, 'boot', `config-${release}`)),
    modules: [...loaded].map(([module, bytes]) => ({ name: module, bytes })),
  };
}

function moduleName(file) {
  return basename(file)
    .replace(/\.ko(\.xz)?$/, '')
    .replaceAll('-', '_');
}

function xz(file) {
  const { status, stdout } = spawnSync('xz', ['-dc', file], { maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`xz cannot read ${file}`);
  return stdout;
}
