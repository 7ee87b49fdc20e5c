/** A TypeScript module for an object: its types, and a function that opens it with them. */

import type { TypeId } from '../btf/types.js';
import { TypeScriptDeclarations } from '../btf/typescript/declarations.js';
import { commentText, propertyName, stringLiteral } from '../btf/typescript/identifiers.js';
import type { GlobalSpec, MapSpec, ObjectSpec, ProgramSpec } from './spec.js';

/** Where the module finds the object: beside itself, or in itself. */
export type ObjectSource =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'embedded'; readonly name: string; readonly base64: string };

export interface ObjectModuleOptions {
  readonly source: ObjectSource;
  /** Types to be declared besides those of maps and globals: those of ring buffers' records. */
  readonly types?: readonly TypeId[];
}

/** What the module may import; none of its own types can be called so. */
export const importedTypes = [
  'BloomFilter',
  'BpfMap',
  'CgroupArray',
  'CpuMap',
  'DeviceMap',
  'LoadedProgram',
  'LpmTrie',
  'MapOfMaps',
  'PerCpu',
  'PerfBuffer',
  'ProgramArray',
  'QueueMap',
  'RingBuffer',
  'SocketMap',
  'StackTraceMap',
  'StorageMap',
  'TypedOpenedObject',
  'UserRingBuffer',
] as const;

const lineWidth = 120;

/** Prettily printed, for the compiler's strictest settings. Throws `FormatError` for BTF that is not sound. */
export function writeObjectModule(spec: ObjectSpec, { source, types = [] }: ObjectModuleOptions): string {
  const declarations = new TypeScriptDeclarations(spec.btf, importedTypes);
  const writer = new ModuleWriter(spec, declarations);
  const maps = spec.maps
    .filter(({ origin }) => origin !== 'data' && origin !== 'struct-ops')
    .map((map) => writer.map(map));
  // Statics of several files may share a name: the last has it.
  const globals = [...new Map(spec.globals.map((each) => [each.name, each])).values()];
  const globalsOf = (constant: boolean) =>
    globals.filter((each) => each.constant === constant).map((each) => writer.global(each));
  const [variables, constants] = [globalsOf(false), globalsOf(true)];
  const programs = spec.programs.map((program) => writer.program(program));
  for (const id of types) declarations.typeOf(id);
  const name = declarations.take(spec.name === '' ? 'object' : spec.name);
  const body =
    `/** What ${commentText(spec.name)} holds. */\nexport interface ${name} {\n` +
    members('Each as its type is used.', 'maps', maps) +
    members('Global variables, live while the object is loaded.', 'variables', variables) +
    members('Global variables that are fixed by the load.', 'constants', constants) +
    `${members('The object has them once it is loaded.', 'programs', programs)}}\n`;
  const opener = writer.opener(name, source);
  const text = [declarations.text(), body, opener].filter((part) => part !== '').join('\n');
  return `// Written by \`xdpkit types\`: changes to the C program ask for it again, changes here are lost.\n${importsOf(text)}\n${text}`;
}

class ModuleWriter {
  readonly #spec: ObjectSpec;
  readonly #declarations: TypeScriptDeclarations;

  constructor(spec: ObjectSpec, declarations: TypeScriptDeclarations) {
    this.#spec = spec;
    this.#declarations = declarations;
  }

  map(map: MapSpec): string {
    const entries = map.maxEntries === 0 ? '' : ` of ${map.maxEntries}`;
    const pinned = map.pinning === 'by-name' ? ', pinned by its name' : '';
    return member(`${map.type}${entries}${pinned}.`, `readonly ${propertyName(map.name)}`, this.#viewOf(map));
  }

  global({ name, size, type }: GlobalSpec): string {
    return `    ${propertyName(name)}: ${this.#valueOf(type, size, name)};\n`;
  }

  program({ name, section }: ProgramSpec): string {
    return member(`SEC("${section}")`, `readonly ${propertyName(name)}`, 'LoadedProgram');
  }

  opener(name: string, source: ObjectSource): string {
    const doc = '/** Opens the object. Nothing reaches the kernel before `load()`. */\n';
    if (source.kind === 'path') {
      return (
        `${doc}export function open${name}(): Promise<TypedOpenedObject<${name}>> {\n` +
        `  return openTypedObject<${name}>(new URL(${stringLiteral(urlText(source.path))}, import.meta.url));\n}\n`
      );
    }
    return (
      `${doc}export async function open${name}(): Promise<TypedOpenedObject<${name}>> {\n` +
      `  return parseTypedObject<${name}>(${stringLiteral(source.name)}, bytes);\n}\n\n` +
      `/** The object file, in base64. */\nconst bytes =\n  '${source.base64}';\n`
    );
  }

  /** As `viewOfMap` gives it. */
  #viewOf(map: MapSpec): string {
    const { type, name } = map;
    const key = () => this.#valueOf(map.keyType, map.keySize, `${name}_key`);
    const plainValue = () => this.#valueOf(map.valueType, map.valueSize, `${name}_value`);
    const value = () => (type.includes('percpu') ? `PerCpu<${plainValue()}>` : plainValue());
    const record = () =>
      map.valueType === undefined || !this.#spec.btf ? 'Uint8Array' : this.#declarations.typeOf(map.valueType, name);
    switch (type) {
      case 'lpm_trie':
        return map.keySize === 8 || map.keySize === 20 ? `LpmTrie<${value()}>` : `BpfMap<${key()}, ${value()}>`;
      case 'queue':
      case 'stack':
        return `QueueMap<${value()}>`;
      case 'bloom_filter':
        return `BloomFilter<${value()}>`;
      case 'array_of_maps':
      case 'hash_of_maps':
        return `MapOfMaps<${[key(), ...this.#innerOf(map.inner)].join(', ')}>`;
      case 'prog_array':
        return 'ProgramArray';
      case 'devmap':
      case 'devmap_hash':
        return 'DeviceMap';
      case 'cpumap':
        return 'CpuMap';
      case 'xskmap':
      case 'sockmap':
      case 'reuseport_sockarray':
        return 'SocketMap';
      case 'sockhash':
        return `SocketMap<${key()}>`;
      case 'stack_trace':
        return 'StackTraceMap';
      case 'cgroup_array':
        return 'CgroupArray';
      case 'ringbuf':
        return `RingBuffer<${record()}>`;
      case 'user_ringbuf':
        return `UserRingBuffer<${record()}>`;
      case 'perf_event_array':
        return 'PerfBuffer<Uint8Array>';
      case 'sk_storage':
      case 'inode_storage':
      case 'task_storage':
      case 'cgrp_storage':
        return `StorageMap<${value()}>`;
      default:
        return `BpfMap<${key()}, ${value()}>`;
    }
  }

  #innerOf(inner: MapSpec | undefined): string[] {
    if (inner === undefined) return [];
    const value = this.#valueOf(inner.valueType, inner.valueSize, `${inner.name}_value`);
    return [
      this.#valueOf(inner.keyType, inner.keySize, `${inner.name}_key`),
      inner.type.includes('percpu') ? `PerCpu<${value}>` : value,
    ];
  }

  /** As the library chooses a codec: by the type that BTF tells where it has the size, else by the size. */
  #valueOf(type: TypeId | undefined, size: number, fallback: string): string {
    const { btf } = this.#spec;
    const typed = btf && type !== undefined && type !== 0 && btf.sizeOf(type) === size;
    return typed ? this.#declarations.typeOf(type, fallback) : this.#declarations.plainTypeOf(size);
  }
}

/** A path as part of a URL. */
function urlText(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

function member(comment: string, name: string, type: string): string {
  return `    /** ${commentText(comment)} */\n    ${name}: ${type};\n`;
}

function members(comment: string, name: string, lines: readonly string[]): string {
  const head = `  /** ${comment} */\n  readonly ${name}: `;
  return lines.length === 0 ? `${head}Record<never, never>;\n` : `${head}{\n${lines.join('')}  };\n`;
}

function importsOf(text: string): string {
  const used = importedTypes
    .filter((name) => new RegExp(`\\b${name}\\b`).test(text))
    .map((name) => ({ name, type: true }));
  for (const name of ['openTypedObject', 'parseTypedObject']) {
    if (text.includes(`${name}<`)) used.push({ name: name as never, type: false });
  }
  used.sort((left, right) => (sortKey(left.name) < sortKey(right.name) ? -1 : 1));
  const areAllTypes = used.every(({ type }) => type);
  const names = used.map(({ name, type }) => (type && !areAllTypes ? `type ${name}` : name));
  const line = `import ${areAllTypes ? 'type ' : ''}{ ${names.join(', ')} } from 'xdpkit';\n`;
  if (line.length <= lineWidth + 1) return line;
  return `import {\n${names.map((name) => `  ${name},\n`).join('')}} from 'xdpkit';\n`;
}

/** Letters in the order A, a, B, b, as formatters sort imports. */
function sortKey(name: string): string {
  return Array.from(name, (letter) => `${letter.toLowerCase()}${/[a-z]/.test(letter) ? 1 : 0}`).join('');
}
