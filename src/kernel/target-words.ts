/** What entries of maps of devices and CPUs hold, in words: `dev:veth0,program:17`, `192`, or JSON. */
import { XdpkitError } from '../errors/error.js';
import { parseJson } from '../values/parse-json.js';
import { findProgram } from './find-program.js';
import type { Owner } from './maps/owner.js';
import type { CpuTarget, DeviceTarget } from './maps/redirect-maps.js';
import type { BpfProgram } from './program.js';

type Parts = ReadonlyMap<string, string>;

/** `bare`: what a part without a name is. A pin's path may have no comma in it. */
function partsOf(word: string, bare: string, known: readonly string[]): Parts {
  const text = word.trim();
  const parts = text.startsWith('{') ? jsonParts(text) : text.split(',').map((part) => split(part, bare));
  for (const [name] of parts) {
    if (known.includes(name)) continue;
    throw new XdpkitError('USAGE', `"${word}": there is no part "${name}"; the parts are ${known.join(', ')}`);
  }
  return new Map(parts);
}

function split(part: string, bare: string): [string, string] {
  const colon = part.indexOf(':');
  return colon === -1 ? [bare, part.trim()] : [part.slice(0, colon).trim(), part.slice(colon + 1).trim()];
}

function jsonParts(text: string): [string, string][] {
  const json = parseJson(text);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return [];
  return Object.entries(json).flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]]));
}

function number(parts: Parts, name: string, word: string): number {
  const text = parts.get(name);
  if (text !== undefined && /^\d+$/.test(text)) return Number(text);
  throw new XdpkitError('USAGE', `"${word}": ${name} is to be a number${text === undefined ? '' : `, not "${text}"`}`);
}

/** 0, which the kernel shows where there is none, is none here too. */
function programOf(parts: Parts): BpfProgram | undefined {
  const reference = parts.get('program') ?? parts.get('programId') ?? '0';
  return reference === '0' ? undefined : findProgram(reference);
}

export interface WordedTarget<Target> extends Disposable {
  readonly target: Target;
}

/** `dev:NAME` or an ifindex, and `program:ID|PIN|NAME`. The program is open until this is closed. */
export function parseDeviceTarget(word: string): WordedTarget<DeviceTarget> {
  const parts = partsOf(word, 'ifindex', ['dev', 'device', 'ifindex', 'program', 'programId']);
  const device = parts.get('dev') ?? parts.get('device');
  const where = device === undefined ? { ifindex: number(parts, 'ifindex', word) } : { device };
  const program = programOf(parts);
  return { target: { ...where, program }, [Symbol.dispose]: () => program?.[Symbol.dispose]() };
}

/** The length of the queue, and `program:ID|PIN|NAME`. */
export function parseCpuTarget(word: string): WordedTarget<CpuTarget> {
  const parts = partsOf(word, 'queueSize', ['queueSize', 'program', 'programId']);
  const queueSize = number(parts, 'queueSize', word);
  const program = programOf(parts);
  return { target: { queueSize, program }, [Symbol.dispose]: () => program?.[Symbol.dispose]() };
}

/** `pid:17`, or a path. */
export function parseOwner(word: string): { readonly pid: number } | { readonly path: string } {
  const pid = /^pid:(\d+)$/.exec(word)?.[1];
  if (pid !== undefined) return { pid: Number(pid) };
  const path = word.replace(/^path:/, '');
  if (path.includes('/')) return { path } satisfies Owner;
  throw new XdpkitError('USAGE', `"${word}" is neither a process, as in pid:17, nor a path`);
}
