/** Maps behind the data sections `.rodata`, `.data` and `.bss`: one value that holds all variables of the section. */
import { XdpkitError } from '../errors/error.js';
import { MemoryMap } from '../linux/memory-map.js';
import { isErrno } from '../linux/syscall-error.js';
import type { MapSpec } from '../object/spec.js';
import { readMapMemory } from './fd-info.js';
import type { GlobalMemory } from './globals.js';
import type { Fallbacks } from './load-features.js';
import type { BpfMap } from './map.js';
import { type CreateMapOptions, createMap } from './map-create.js';

const mappable = 1 << 10;
/** A data section is entry 0 of an array of one. */
const onlyKey = new Uint8Array(4);

const constants = 'it is a constant: it can be set before the object is loaded, not after';

export interface DataMap {
  readonly map: BpfMap;
  readonly memory: GlobalMemory & Disposable;
}

/** Creates the map, writes its contents, and freezes constants. Mapped into memory since Linux 5.5. */
export function createDataMap(
  spec: MapSpec,
  objectName: string,
  options: CreateMapOptions,
  fallbacks: Fallbacks,
): DataMap {
  const named = { ...options, kernelName: spec.kernelName ?? `${objectName.slice(0, 8)}${spec.name}` };
  const isMapped = (spec.flags & mappable) !== 0 && !fallbacks.lacks('mappableArrays');
  const map = createMap(isMapped ? spec : { ...spec, flags: spec.flags & ~mappable }, named);
  try {
    const initial = spec.initialValue ?? new Uint8Array(spec.valueSize);
    map.setBytes(onlyKey, initial);
    if (!spec.readOnly) return { map, memory: isMapped ? liveMemory(map) : copiedMemory(map) };
    map.freeze();
    // A copy: the spec goes on being changed for further loads.
    return { map, memory: constantMemory(initial.slice()) };
  } catch (error) {
    map[Symbol.dispose]();
    throw error;
  }
}

/**
 * The variables of a section for which a map that was there before stands. Errors: `PIN_MISMATCH` for a map that is no
 * such section's.
 */
export function memoryOfGiven(map: BpfMap, { name, valueSize, readOnly }: MapSpec): DataMap['memory'] {
  const info = map.info();
  if (info.type !== 'array' || info.valueSize !== valueSize) {
    const found = `it is of type ${info.type} with values of ${info.valueSize} bytes`;
    throw new XdpkitError(
      'PIN_MISMATCH',
      `map "${map.name}" cannot stand for "${name}", an array of ${valueSize} bytes: ${found}`,
    );
  }
  if (readOnly || readMapMemory(map.fd).frozen) {
    return constantMemory(map.getBytes(onlyKey) ?? new Uint8Array(valueSize));
  }
  return (info.flags & mappable) === 0 ? copiedMemory(map) : liveMemory(map);
}

function constantMemory(bytes: Uint8Array): DataMap['memory'] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { view: () => view, commit() {}, readOnly: constants, [Symbol.dispose]() {} };
}

function liveMemory(map: BpfMap): DataMap['memory'] {
  const { valueSize } = map.definition;
  try {
    const mapped = new MemoryMap(map.fd, valueSize, 'read-write', `map "${map.name}"`);
    return {
      view: () => new DataView(mapped.bytes.buffer, mapped.bytes.byteOffset, valueSize),
      commit() {},
      readOnly: undefined,
      [Symbol.dispose]: () => mapped[Symbol.dispose](),
    };
  } catch (error) {
    if (!isErrno(error, 'ENOTSUPP', 'EINVAL', 'ENODEV')) throw error;
    return copiedMemory(map);
  }
}

/** Where the kernel can't map arrays, each access is a system call on the whole section. */
function copiedMemory(map: BpfMap): DataMap['memory'] {
  const bytes = new Uint8Array(new ArrayBuffer(map.definition.valueSize));
  const view = new DataView(bytes.buffer);
  return {
    view() {
      bytes.set(map.getBytes(onlyKey) ?? bytes);
      return view;
    },
    commit: () => map.setBytes(onlyKey, bytes),
    readOnly: undefined,
    [Symbol.dispose]() {},
  };
}
