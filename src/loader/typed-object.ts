/** Objects whose maps, variables and programs TypeScript knows by name: what the modules of `xdpkit types` open. */
import { fileURLToPath } from 'node:url';
import type { LoadOptions } from '../kernel/load.js';
import type { ObjectSpec } from '../object/spec.js';
import type { LoadedObject } from './loaded.js';
import { isOpened, viewOfMap } from './map-view.js';
import { type OpenedObject, openObject, parseObject } from './open.js';

/** What an object holds, by name. */
export interface ObjectTypes {
  readonly maps: object;
  /** Global variables that programs may change. */
  readonly variables: object;
  /** Global variables that are fixed by the load. */
  readonly constants: object;
  readonly programs: object;
}

/** Opens an object file as what the caller states that it holds. Errors: as `openObject`. */
export async function openTypedObject<Types extends ObjectTypes>(
  path: string | URL,
): Promise<TypedOpenedObject<Types>> {
  return new TypedOpenedObject<Types>(await openObject(path instanceof URL ? fileURLToPath(path) : path));
}

/** As `openTypedObject`, of a file's bytes in base64; `name` stands for the file's name. */
export function parseTypedObject<Types extends ObjectTypes>(name: string, base64: string): TypedOpenedObject<Types> {
  return new TypedOpenedObject<Types>(parseObject(new Uint8Array(Buffer.from(base64, 'base64')), name));
}

/** An object that no kernel has seen. */
export class TypedOpenedObject<Types extends ObjectTypes> {
  /** For whatever does not ask for types, such as `attachObject`. */
  readonly opened: OpenedObject;

  constructor(opened: OpenedObject) {
    this.opened = opened;
  }

  get spec(): ObjectSpec {
    return this.opened.spec;
  }

  /** Initial values; constants can be set only here. */
  get globals(): Types['variables'] & Types['constants'] {
    return this.opened.globals as unknown as Types['variables'] & Types['constants'];
  }

  /** Creates the maps and loads the programs. */
  load(options: LoadOptions = {}): TypedLoadedObject<Types> {
    return new TypedLoadedObject<Types>(this.opened.load(options));
  }
}

/** An object in the kernel. Closing it closes programs, maps and rings; what is attached or pinned lives on. */
export class TypedLoadedObject<Types extends ObjectTypes> {
  readonly loaded: LoadedObject;
  /** Each map as its type is used, made when it is first asked for. */
  readonly maps: Types['maps'];
  readonly programs: Types['programs'];
  readonly #views = new Map<string, unknown>();

  constructor(loaded: LoadedObject) {
    this.loaded = loaded;
    const { maps, programs } = loaded.spec;
    const names = maps.filter(({ origin }) => origin !== 'data' && origin !== 'struct-ops').map(({ name }) => name);
    this.maps = byName(names, (name) => this.#view(name)) as Types['maps'];
    const programNames = programs.map(({ name }) => name);
    this.programs = byName(programNames, (name) => loaded.program(name)) as Types['programs'];
  }

  /** Live, where the kernel lets them be. */
  get globals(): Types['variables'] & Readonly<Types['constants']> {
    return this.loaded.globals as unknown as Types['variables'] & Readonly<Types['constants']>;
  }

  [Symbol.dispose](): void {
    for (const view of this.#views.values()) if (isOpened(view)) view[Symbol.dispose]();
    this.#views.clear();
    this.loaded[Symbol.dispose]();
  }

  #view(name: string): unknown {
    const known = this.#views.get(name);
    if (known !== undefined) return known;
    const view = viewOfMap(this.loaded, name);
    this.#views.set(name, view);
    return view;
  }
}

/** Asked for only when read: a program that was not loaded is refused then, by its name. */
function byName(names: readonly string[], get: (name: string) => unknown): object {
  const descriptors = names.map((name) => [name, { enumerable: true, get: () => get(name) }] as const);
  return Object.create(null, Object.fromEntries(descriptors));
}
