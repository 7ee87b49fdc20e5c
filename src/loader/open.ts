/** The short way: from a file to programs that can be attached. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { XdpkitError } from '../errors/error.js';
import { type Globals, globalsOf } from '../kernel/globals.js';
import { type LoadOptions, loadSpec } from '../kernel/load.js';
import { readObject } from '../object/read.js';
import type { MapSpec, ObjectSpec } from '../object/spec.js';
import { LoadedObject, LoadedProgram } from './loaded.js';

/**
 * Opens an object file compiled for BPF. Nothing reaches the kernel yet. Errors: `FILE_NOT_FOUND`, `NOT_ELF`,
 * `WRONG_MACHINE`, `MALFORMED`.
 */
export async function openObject(path: string): Promise<OpenedObject> {
  const bytes = await readObjectFile(path);
  return new OpenedObject(readObject(bytes, path), { path: resolve(path), bytes });
}

/** As `openObject`, of bytes; `name` stands for the file's name. */
export function parseObject(bytes: Uint8Array, name: string): OpenedObject {
  return new OpenedObject(readObject(bytes, name), { path: name, bytes });
}

/** What an object was read from. */
export interface ObjectFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const readProblems: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'it may not be read',
};

async function readObjectFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const why = readProblems[code];
    throw new XdpkitError('FILE_NOT_FOUND', `open ${path}: ${why ?? message}`, {
      cause: why === undefined ? cause : undefined,
      hint: path.endsWith('.c') ? 'This is C source: compile it with `xdpkit build` first.' : undefined,
    });
  }
}

/**
 * An object that no kernel has seen: it can be looked at (`spec`) and loaded as often as wanted. Variables are changed by
 * `globals`; anything else by a spec of one's own, such as `new OpenedObject({ ...opened.spec, maps: otherMaps })`.
 */
export class OpenedObject {
  readonly spec: ObjectSpec;
  /** Initial values of global variables; constants too can be set here, until the load. */
  readonly globals: Globals;
  /** Undefined for a spec of one's own. */
  readonly file: ObjectFile | undefined;

  constructor(spec: ObjectSpec, file?: ObjectFile) {
    this.file = file;
    // The section contents are written to by `globals`: they must not be a view of the caller's file.
    const maps: MapSpec[] = spec.maps.map((map) =>
      map.initialValue ? { ...map, initialValue: map.initialValue.slice() } : map,
    );
    this.spec = { ...spec, maps };
    this.globals = globalsOf(spec.globals, spec.btf, spec.byteOrder, (name) => {
      const bytes = maps.find((map) => map.name === name)?.initialValue;
      if (bytes === undefined) throw new XdpkitError('MAP_NOT_FOUND', `${spec.name} has no data section ${name}`);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const isSettings = spec.externs.some((found) => found.kind === 'setting' && found.map === name);
      const readOnly = isSettings ? 'it is the kernel’s setting: give kernelConfig to the load' : undefined;
      return { view: () => view, commit() {}, readOnly };
    });
  }

  /** Creates the maps and loads the programs; see `loadSpec` for what can go wrong. */
  load(options: LoadOptions = {}): LoadedObject {
    const loaded = loadSpec(this.spec, options, (fd, name, type) => new LoadedProgram(fd, name, type));
    return new LoadedObject(this.spec, loaded);
  }
}
