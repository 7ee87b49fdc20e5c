/**
 * The Debian packages that the project's own jobs stand on, as data: what proves that one is there, what it is for, and
 * which jobs ask for it. A proof is a command (looked for in PATH and the sbin folders) or a file.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Multi-arch folders of the architectures that xdpkit supports. */
const multiArch = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch] ?? 'unknown';

const compiles = ['demo', 'test', 'bench', 'vm', 'ci'];
const tests = ['test', 'vm', 'ci'];

/** @type {{ name: string, proof: { command: string } | { file: string }, jobs: string[], why: string }[]} */
export const packages = [
  { name: 'clang', proof: { command: 'clang' }, jobs: compiles, why: 'compiles BPF C' },
  {
    name: 'libbpf-dev',
    proof: { file: '/usr/include/bpf/bpf_helpers.h' },
    jobs: compiles,
    why: 'headers that BPF C includes',
  },
  {
    name: 'linux-libc-dev',
    proof: { file: `/usr/include/${multiArch}/asm/types.h` },
    jobs: compiles,
    why: 'kernel headers',
  },
  {
    name: 'binutils',
    proof: { command: 'objcopy' },
    jobs: tests,
    why: 'ELF files that are not ours, and their sections',
  },
  { name: 'iproute2', proof: { command: 'ip' }, jobs: tests, why: 'a peer that attaches by netlink' },
  { name: 'ethtool', proof: { command: 'ethtool' }, jobs: tests, why: 'a peer to compare with' },
  { name: 'iputils-ping', proof: { command: 'ping' }, jobs: tests, why: 'a ping that is not ours' },
  { name: 'tcpdump', proof: { command: 'tcpdump' }, jobs: tests, why: 'a witness of what is sent' },
  { name: 'bpftool', proof: { command: 'bpftool' }, jobs: [...tests, 'bench'], why: 'a peer to compare with' },
  { name: 'xdp-tools', proof: { command: 'xdp-loader' }, jobs: [...tests, 'bench'], why: 'a peer to compare with' },
  {
    name: 'clang-19',
    proof: { command: 'clang-19' },
    jobs: tests,
    why: 'a newer compiler of BPF C than clang may be',
  },
  { name: 'llvm', proof: { command: 'llvm-readelf' }, jobs: tests, why: 'a peer that reads objects' },
  { name: 'gcc-bpf', proof: { command: 'bpf-gcc' }, jobs: tests, why: 'the other compiler of BPF C' },
  { name: 'binutils', proof: { command: 'objdump' }, jobs: tests, why: 'reads machine code' },
  { name: 'tar', proof: { command: 'tar' }, jobs: ['vm', 'ci'], why: 'files to and from the virtual machines' },
  { name: 'xz-utils', proof: { command: 'xz' }, jobs: ['vm', 'ci'], why: "the stock kernels' modules" },
  {
    name: 'qemu-system-x86',
    proof: { command: 'qemu-system-x86_64' },
    jobs: ['vm', 'ci'],
    why: 'virtual machines with stock kernels',
  },
  { name: 'gcc', proof: { command: 'gcc' }, jobs: ['bench'], why: 'compiles the libbpf peers' },
  { name: 'libc6-dev', proof: { file: '/usr/include/stdio.h' }, jobs: ['bench'], why: 'headers of the libbpf peers' },
];

export const jobs = [...new Set(packages.flatMap((entry) => entry.jobs))];

/** The packages that `job` asks for and this machine lacks. */
export function missingPackages(job) {
  return packages.filter((entry) => entry.jobs.includes(job) && !isThere(entry.proof));
}

function isThere(proof) {
  if ('file' in proof) return existsSync(proof.file);
  // Debian keeps clang-NN beside, or in place of, clang; sbin is not in everybody's PATH.
  const names = new RegExp(`^${proof.command}(-\\d+)?$`);
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].filter(Boolean);
  return folders.some((folder) => isExecutable(join(folder, proof.command)) || holdsVersioned(folder, names));
}

function holdsVersioned(folder, names) {
  try {
    return readdirSync(folder).some((name) => names.test(name) && isExecutable(join(folder, name)));
  } catch {
    return false;
  }
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const aptOptions = [
  '-qq',
  '-o',
  'Acquire::Retries=5',
  '-o',
  'Acquire::http::Timeout=60',
  '-o',
  'Acquire::https::Timeout=60',
  '-o',
  'DPkg::Lock::Timeout=300',
];

/** Runs apt-get; gives its exit status. What it prints is only of interest when it fails. */
export function aptGet(words, { cwd, quiet = false } = {}) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, stdio: ['ignore', 'pipe', 'pipe'], cwd, timeout: 1_800_000, maxBuffer: 64 * 1024 * 1024 };
  const { status, stdout, stderr } = spawnSync('apt-get', [...aptOptions, ...words], options);
  if (status !== 0 && !quiet) process.stderr.write(Buffer.concat([stdout, stderr]));
  return status;
}

export function hasApt() {
  return spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Installs packages by name; the package lists are fetched first when the ones on disk do not know them all. */
export function installPackages(names) {
  const known = spawnSync('apt-cache', ['show', '--no-all-versions', ...names], { stdio: 'ignore' }).status === 0;
  const install = ['install', '--yes', '--no-install-recommends', ...names];
  // Lists that know the names may still be out of date: their files are then gone from the mirror, and a refresh mends it.
  if (known && aptGet(install) === 0) return true;
  return aptGet(['update']) === 0 && aptGet(install) === 0;
}
