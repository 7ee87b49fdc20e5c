import {
  accessSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { XdpkitError } from '../errors/error.js';
import type { FileDescriptor } from '../linux/file-descriptor.js';
import { lockFolder } from '../linux/folder-lock.js';
import type { Side } from './lab-name.js';
import type { Maker } from './maker.js';

/**
 * What is written down about a lab, before each step that makes something: what exists and is not written down is not
 * ours. One file a lab, gone at boot as the labs are.
 */
export interface LabState {
  readonly version: 1;
  readonly name: string;
  readonly topology: 'pair';
  /** Removed with its maker, or by `sweepLabs` when that died. */
  readonly temporary: boolean;
  readonly maker: Maker;
  /** Bytes. */
  readonly mtu: number;
  readonly prefixes: LabPrefixes;
  /** The namespaces made so far. */
  readonly namespaces: Readonly<Partial<Record<Side, NamespaceIdentity>>>;
  readonly finished: boolean;
}

export interface LabPrefixes {
  readonly ipv4: string;
  readonly ipv6: string;
}

export interface NamespaceIdentity {
  /** Decimal; see `NetworkNamespace.cookie`. */
  readonly cookie: string;
  readonly bootId: string;
}

const folder = '/run/xdpkit/labs';
const fileOf = (name: string): string => `${folder}/${name}.json`;

export function labNotFound(name: string): XdpkitError {
  return new XdpkitError('LAB_NOT_FOUND', `there is no lab ${name}`, {
    hint: `Labs here: ${listLabNames().join(', ') || 'none'}.`,
  });
}

/** Undefined when there is no lab of that name. */
export function readLabState(name: string): LabState | undefined {
  let text: string;
  try {
    text = readFileSync(fileOf(name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const state = JSON.parse(text) as LabState | null;
    if (state?.version === 1 && state.name === name && state.maker && state.namespaces) return state;
  } catch {
    // Told below: files are replaced whole, so one that is no JSON was not written by us.
  }
  throw new XdpkitError('LAB_BROKEN', `lab ${name}: ${fileOf(name)} is not what xdpkit writes`, {
    hint: `Remove the file, and the network namespaces ${name}-left and ${name}-right if they are not wanted.`,
  });
}

interface NamedState {
  readonly name: string;
  readonly state: LabState | XdpkitError;
}

/** The states of all labs by name; in place of a state that cannot be read its error. */
export function readLabStates(): NamedState[] {
  return listLabNames().flatMap((name): NamedState[] => {
    try {
      const state = readLabState(name);
      // Taken down since the names were read.
      return state ? [{ name, state }] : [];
    } catch (error) {
      if (error instanceof XdpkitError) return [{ name, state: error }];
      throw error;
    }
  });
}

/** Replaces the file whole: a crash leaves the old state or the new one. Only under `lockLabs`. */
export function writeLabState(state: LabState): void {
  const draft = `${folder}/.${state.name}.draft`;
  writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(draft, fileOf(state.name));
}

export function removeLabState(name: string): void {
  rmSync(`${folder}/.${name}.draft`, { force: true });
  rmSync(fileOf(name), { force: true });
}

export function listLabNames(): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.json') && !file.startsWith('.'))
      .map((file) => file.slice(0, -'.json'.length))
      .sort();
  } catch {
    // Made with the first lab.
    return [];
  }
}

/** Removes drafts of makers that died while writing. Only under `lockLabs`, when nobody is writing. */
export function removeDrafts(): void {
  for (const file of readdirSync(folder)) if (file.endsWith('.draft')) rmSync(`${folder}/${file}`, { force: true });
}

/** One process at a time makes or removes labs: who holds this knows that an unfinished lab is a crashed one. */
export function lockLabs(): FileDescriptor {
  return lockFolder(openFolder(), folder, 'making or removing a lab');
}

function openFolder(): number {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    accessSync(folder, constants.W_OK);
    return openSync(folder, 'r');
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    throw new XdpkitError(
      ['EACCES', 'EPERM'].includes(code) ? 'NOT_PERMITTED' : 'FAILED',
      `use ${folder}: ${message}`,
      {
        cause,
        hint: 'Labs are made and removed by root.',
      },
    );
  }
}
