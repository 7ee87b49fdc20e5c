/**
 * BPF objects that other projects ship, for tests that open what libbpf, cilium/ebpf and aya open. Their Debian packages
 * are unpacked into dist/.foreign, not installed: neither the programs nor what they depend on is wanted here.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './build-state.mjs';
import { aptGet } from './debian-packages.mjs';

export const foreignFolder = join(root, 'dist/.foreign');

/** Debian 13 has what Debian 12 lacks. */
const laterRelease = 'trixie';

/** What each package brings. */
const packages = {
  'libbpf-tools': 'some fifty objects with CO-RE, kept inside of executables',
  'golang-github-cilium-ebpf-dev': 'what cilium/ebpf itself is tested with, in both byte orders, by three compilers',
  'opensnitch-ebpf-modules': 'maps of the old style, as gobpf has them',
  suricata: 'maps of the old style without BTF',
};

export function foreignObjectsAreThere() {
  return Object.keys(packages).every((name) => existsSync(join(foreignFolder, name)));
}

/** The name of a package that could not be had; undefined when all are there. */
export function fetchForeignObjects() {
  const names = Object.keys(packages).filter((name) => !existsSync(join(foreignFolder, name)));
  const work = mkdtempSync(join(tmpdir(), 'xdpkit-foreign-'));
  try {
    let refreshed = false;
    let later;
    for (const name of names) {
      if (download(work, name)) continue;
      if (!refreshed) {
        refreshed = true;
        aptGet(['update']);
        if (download(work, name)) continue;
      }
      later ??= laterSources(work);
      if (later === undefined || !download(work, name, later)) return name;
    }
    for (const name of names) if (!unpack(work, name)) return name;
    return undefined;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function download(work, name, sources = []) {
  return aptGet([...sources, 'download', name], { cwd: work, quiet: true }) === 0;
}

/** Options of apt-get for the later release, from where this machine's own comes; undefined where that is no Debian. */
function laterSources(work) {
  const format = '$(ORIGIN)|$(COMPONENT)|$(REPO_URI)|$(RELEASE)';
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], {
    encoding: 'utf8',
  });
  const main = stdout.split('\n').find((line) => /^Debian\|main\|[^|]*\|[a-z]+$/.test(line));
  if (main === undefined) return undefined;
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const list = join(work, 'sources.list');
  writeFileSync(list, `deb [signed-by=${keys}] ${main.split('|')[2]} ${laterRelease} main\n`);
  const [lists, cache] = [join(work, 'lists'), join(work, 'cache')];
  for (const folder of [lists, cache]) mkdirSync(join(folder, 'partial'), { recursive: true });
  const options = [
    `Dir::Etc::SourceList=${list}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::Lists=${lists}`,
    `Dir::Cache=${cache}`,
  ].flatMap((option) => ['-o', option]);
  return aptGet([...options, 'update']) === 0 ? options : undefined;
}

/** In place only when whole, so that a broken run is made good by the next one. */
function unpack(work, name) {
  const file = readdirSync(work).find((each) => each.startsWith(`${name}_`));
  const half = join(work, `${name}.unpacked`);
  if (file === undefined) return false;
  if (spawnSync('dpkg-deb', ['-x', join(work, file), half], { stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0)
    return false;
  mkdirSync(foreignFolder, { recursive: true });
  const near = join(foreignFolder, `.${name}`);
  rmSync(near, { recursive: true, force: true });
  // Another file system than the temporary folder's, perhaps.
  if (spawnSync('cp', ['-a', half, near]).status !== 0) return false;
  renameSync(near, join(foreignFolder, name));
  return true;
}
