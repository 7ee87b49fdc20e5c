/** Objects that other projects ship: those that the set-up has fetched, and those of installed packages. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ForeignObject {
  /** `suricata/xdp_filter.bpf`; for the second object in one executable `xdp-bench#2`. */
  readonly name: string;
  /** A file of the object alone. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

const folder = fileURLToPath(new URL('../../dist/.foreign/', import.meta.url));
const installed = ['x86_64', 'aarch64'].map((one) => `/usr/lib/${one}-linux-gnu/bpf`);
const executables = ['bench', 'filter', 'loader', 'monitor', 'trafficgen'].map((name) => `/usr/sbin/xdp-${name}`);

const apart = mkdtempSync(join(tmpdir(), 'xdpkit-foreign-'));
process.on('exit', () => rmSync(apart, { recursive: true, force: true }));

/** All objects of a package. Throws where the set-up has not run, so that no test is left out in silence. */
export function foreignObjects(
  from: 'libbpf-tools' | 'golang-github-cilium-ebpf-dev' | 'opensnitch-ebpf-modules' | 'suricata' | 'xdp-tools',
): ForeignObject[] {
  const roots = from === 'xdp-tools' ? [...installed, ...executables] : [join(folder, from)];
  const found = roots.flatMap(filesUnder).flatMap((path) => objectsIn(path, from));
  if (found.length === 0) throw new Error(`no BPF objects of ${from}: run \`node scripts/setup.mjs --for test\` first`);
  return found;
}

function filesUnder(path: string): string[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  if (stats.isFile()) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** A file that is an object, or objects that a skeleton keeps inside of an executable. */
function objectsIn(path: string, from: string): ForeignObject[] {
  const file = readFileSync(path);
  const found: ForeignObject[] = [];
  const magic = Buffer.from('\x7fELF\x02', 'latin1');
  for (let at = file.indexOf(magic); at !== -1; at = file.indexOf(magic, at + 1)) {
    const length = lengthOfObject(file.subarray(at));
    if (length === undefined) continue;
    const bytes = new Uint8Array(file.subarray(at, at + length));
    const name = `${from}/${basename(path)}${found.length === 0 ? '' : `#${found.length + 1}`}`;
    const own = at === 0 ? path : join(apart, `${name.replace(/[/#]/g, '-')}.bpf.o`);
    if (at !== 0) writeFileSync(own, bytes);
    found.push({ name, path: own, bytes });
  }
  return found;
}

const machineBpf = 247;

/** Compilers put the table of sections last. */
function lengthOfObject(bytes: Buffer): number | undefined {
  if (bytes.length < 64) return undefined;
  const littleEndian = bytes[5] === 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint16(18, littleEndian) !== machineBpf) return undefined;
  const length = Number(view.getBigUint64(40, littleEndian)) + view.getUint16(60, littleEndian) * 64;
  return length <= bytes.length ? length : undefined;
}
