/** Maps from specs, pins and ids. BPF_MAP_CREATE. */
import { release } from 'node:os';
import type { Btf } from '../btf/btf.js';
import type { BtfValue } from '../btf/codec.js';
import { layoutDifference } from '../btf/layout-difference.js';
import { type ErrorDetail, XdpkitError } from '../errors/error.js';
import { FileDescriptor } from '../linux/file-descriptor.js';
import { kernelOlderThan } from '../linux/kernel-release.js';
import { errnos } from '../linux/syscall-error.js';
import type { MapSpec } from '../object/spec.js';
import { commands } from '../uapi/bpf.generated.js';
import { Attribute, bpf, bpfError } from './bpf.js';
import type { Degradation } from './degradation.js';
import { type MapInfo, readMapInfo } from './info.js';
import { openById } from './iterate.js';
import { readKernelBtf } from './kernel-btf.js';
import { BpfMap } from './map.js';
import { isStorage, mapCodecs } from './map-codecs.js';
import { withUsualSize } from './map-size.js';
import { mapTypesSince } from './map-type-releases.js';

export interface CreateMapOptions {
  readonly btf?: Btf | undefined;
  /** The same BTF, loaded. */
  readonly btfFd?: number | undefined;
  /** The name that the kernel shows, cut at 15 bytes; the spec's unless given. */
  readonly kernelName?: string | undefined;
  /** Kernels before 4.15 take no names. */
  readonly unnamed?: boolean | undefined;
  /** The device that keeps the map itself (offload). */
  readonly ifindex?: number | undefined;
  /** For maps of maps: a map of the shape that inner ones have; one of the spec's `inner` unless given. */
  readonly inner?: { readonly fd: number } | undefined;
  /** Is told what the map is created without. */
  readonly note?: ((degradation: Degradation) => void) | undefined;
}

/** Map types that take no BTF in any kernel. Source: libbpf `src/libbpf.c` (`bpf_object__create_map`). */
const untypedMaps: ReadonlySet<string> = new Set([
  'perf_event_array',
  'cgroup_array',
  'array_of_maps',
  'hash_of_maps',
  'stack_trace',
  'devmap',
  'devmap_hash',
  'cpumap',
  'xskmap',
  'sockmap',
  'sockhash',
  'queue',
  'stack',
]);

/** Creates a map. Errors: `MAP_CREATE` with what the kernel said, `OBJECT_UNSUPPORTED` for struct_ops. */
export function createMap(spec: MapSpec, options: CreateMapOptions = {}): BpfMap {
  if (spec.type === 'struct_ops') {
    throw new XdpkitError(
      'OBJECT_UNSUPPORTED',
      `map "${spec.name}" is a table of functions for the kernel (struct_ops), which xdpkit does not register`,
    );
  }
  using inner = createInner(spec, options);
  const innerFd = (options.inner ?? inner)?.fd;
  const hasTypes = spec.keyType !== undefined || spec.valueType !== undefined;
  const typed = options.btfFd !== undefined && hasTypes && !untypedMaps.has(spec.type);
  let result = bpf(commands.map_create, createAttribute(spec, options, innerFd, typed));
  const refused = -result;
  // Older kernels take BTF for fewer map types, and some types ask for keys of a kind.
  if (result < 0 && typed) {
    result = bpf(commands.map_create, createAttribute(spec, options, innerFd, false));
    if (result >= 0) {
      const { message } = bpfError(`give map "${spec.name}" (${spec.type}) its types`, refused);
      options.note?.({
        name: 'mapTypes',
        what: `map "${spec.name}" has no types in the kernel`,
        why: message,
        since: undefined,
      });
    }
  }
  // Without types the kernel refuses storage in any case: what it said to them counts.
  if (result < 0) throw createError(spec, isStorage(spec.type) ? refused : -result, typed);
  return mapOf(new FileDescriptor(result, `map "${spec.name}"`), spec, spec, options.btf);
}

export function holdsMaps(type: string): boolean {
  return type === 'array_of_maps' || type === 'hash_of_maps';
}

/** The kernel takes the shape of inner maps from one of them, which it does not keep. */
function createInner(spec: MapSpec, options: CreateMapOptions): BpfMap | undefined {
  if (!holdsMaps(spec.type) || options.inner !== undefined) return undefined;
  if (spec.inner !== undefined) return createMap(withUsualSize(spec.inner), { ...options, kernelName: undefined });
  throw new XdpkitError('MAP_CREATE', `create map "${spec.name}" (${spec.type}): nothing tells the shape of its maps`, {
    hint: 'Define it with __array(values, struct …), or give a map of that shape.',
  });
}

function createAttribute(
  spec: MapSpec,
  options: CreateMapOptions,
  innerFd: number | undefined,
  typed: boolean,
): Attribute {
  // map_type 0, key_size 4, value_size 8, max_entries 12, map_flags 16, inner_map_fd 20, numa_node 24, map_name 28,
  // map_ifindex 44, btf_fd 48, btf_key_type_id 52, btf_value_type_id 56, btf_vmlinux_value_type_id 60, map_extra 64
  const attribute = new Attribute(72)
    .u32(0, spec.typeNumber)
    .u32(4, spec.keySize)
    .u32(8, spec.valueSize)
    .u32(12, spec.maxEntries)
    .u32(16, spec.numaNode === undefined ? spec.flags : spec.flags | numaNodeFlag)
    .u32(20, innerFd ?? 0)
    .u32(24, spec.numaNode ?? 0)
    .name(28, options.unnamed ? '' : (options.kernelName ?? spec.kernelName ?? spec.name))
    .u32(44, options.ifindex ?? 0)
    .u64(64, spec.mapExtra);
  return typed
    ? attribute
        .u32(48, options.btfFd ?? 0)
        .u32(52, spec.keyType ?? 0)
        .u32(56, spec.valueType ?? 0)
    : attribute;
}

const numaNodeFlag = 1 << 2;
const noPreallocation = 1 << 0;
const readOnlyForPrograms = 1 << 7;

const keyless: ReadonlySet<string> = new Set(['queue', 'stack', 'bloom_filter', 'ringbuf', 'user_ringbuf', 'arena']);

function createError(spec: MapSpec, number: number, typed: boolean): XdpkitError {
  const { name, type, keySize, valueSize, maxEntries } = spec;
  const tried = `create map "${name}" (${type}, key ${keySize} bytes, value ${valueSize} bytes, ${maxEntries} entries)`;
  const refused = (detail: ErrorDetail): XdpkitError => bpfError(tried, number, { code: 'MAP_CREATE', ...detail });
  const since = mapTypesSince[type];
  if (number === errnos.EINVAL && since !== undefined && kernelOlderThan(since)) {
    return refused({ hint: `Linux ${since} brought maps of type ${type}, and this is ${release()}.` });
  }
  if (number === errnos.EINVAL && type === 'lpm_trie' && (spec.flags & noPreallocation) === 0) {
    return refused({ hint: 'An LPM trie needs __uint(map_flags, BPF_F_NO_PREALLOC).' });
  }
  if (number === errnos.EINVAL && isStorage(type)) {
    return refused({
      hint: typed
        ? 'Its key is an int, max_entries 0 and its flags BPF_F_NO_PREALLOC.'
        : 'The kernel asks for the types of its key, an int, and of its value: __type(key, int); __type(value, …).',
    });
  }
  const unsaid = maxEntries === 0 || (!keyless.has(type) && (keySize === 0 || valueSize === 0));
  if (number === errnos.EINVAL && unsaid) {
    return refused({
      hint: 'Say what is 0: __type(key, …), __type(value, …), __uint(max_entries, …), or --key, --value, --entries.',
    });
  }
  if (number === errnos.E2BIG || number === errnos.ENOMEM) {
    return refused({ hint: 'The kernel has no room for that many entries of that size; ask for fewer.' });
  }
  if (number === errnos.EINVAL) {
    return refused({ hint: `The kernel takes no ${type} of this shape, or is too old to know the type or its flags.` });
  }
  return refused({});
}

/** Takes over `fd`: it is closed where the types cannot be read. */
function mapOf(
  fd: FileDescriptor,
  definition: MapSpec | MapInfo,
  types: { keyType: number | undefined; valueType: number | undefined },
  btf: Btf | undefined,
): BpfMap {
  const { name, type, keySize, valueSize, maxEntries } = definition;
  try {
    const codecs = mapCodecs(
      { name, type, keySize, valueSize, maxEntries },
      { btf, keyType: types.keyType, valueType: types.valueType },
    );
    return new BpfMap(
      fd,
      { name, type, keySize, valueSize, maxEntries },
      codecs.key,
      codecs.value as BpfMap['valueCodec'],
    );
  } catch (error) {
    fd.close();
    throw error;
  }
}

/**
 * A map that the kernel already has, in the shape of its own BTF, which the caller states as for `object.map`. Undefined
 * when it is gone.
 */
export function openMapById<Key = BtfValue, Value = BtfValue>(id: number): BpfMap<Key, Value> | undefined {
  const fd = openById('map', id);
  return fd && (openMap(fd) as unknown as BpfMap<Key, Value>);
}

/** Takes over `fd`. */
export function openMap(fd: FileDescriptor): BpfMap {
  const info = readMapInfo(fd.number);
  return mapOf(fd, info, info, readKernelBtf(info.btfId));
}

/** Takes over `fd`, a map in the kernel that stands for `spec`, whose full name and shape it gets. */
export function adoptMap(fd: FileDescriptor, spec: MapSpec, btf: Btf | undefined): BpfMap {
  return mapOf(fd, spec, spec, btf);
}

/** What does not change what a map holds, or the kernel adds by itself: maps of devices are read-only for programs. */
function shapelessFlags({ type }: MapSpec): number {
  return numaNodeFlag | (type === 'devmap' || type === 'devmap_hash' ? readOnlyForPrograms : 0);
}

/**
 * In which fields a map in the kernel differs from what a spec asks for; empty when it can stand for it. Where both have
 * BTF the fields of keys and values count too: of the same size they may still hold something else.
 */
export function shapeDifferences(defined: MapSpec, info: MapInfo, btf: Btf | undefined): string[] {
  const spec = withUsualSize(defined);
  const shape = ~shapelessFlags(spec);
  const fields: [string, string | number | bigint, string | number | bigint][] = [
    ['type', spec.type, info.type],
    ['key size', spec.keySize, info.keySize],
    ['value size', spec.valueSize, info.valueSize],
    ['max entries', spec.maxEntries, info.maxEntries],
    ['flags', spec.flags & shape, info.flags & shape],
    ['map extra', spec.mapExtra, info.mapExtra],
  ];
  const differences = fields.flatMap(([field, wanted, found]) =>
    wanted === found ? [] : [`${field} is ${found}, the object asks for ${wanted}`],
  );
  return [...differences, ...layoutDifferences(spec, info, btf)];
}

function layoutDifferences(spec: MapSpec, info: MapInfo, btf: Btf | undefined): string[] {
  const running = readKernelBtf(info.btfId);
  if (btf === undefined || running === undefined) return [];
  const parts = [
    ['key', info.keyType, spec.keyType, info.keySize === spec.keySize],
    ['value', info.valueType, spec.valueType, info.valueSize === spec.valueSize],
  ] as const;
  return parts.flatMap(([part, found, wanted, sameSize]) => {
    if (!found || !wanted) return [];
    const difference = layoutDifference({ btf: running, type: found }, { btf, type: wanted });
    // Of the whole another size is told already.
    return difference === undefined || (!sameSize && difference.startsWith('it '))
      ? []
      : [`its ${part} differs from the object's: ${difference}`];
  });
}

export function pinMismatch(spec: MapSpec, path: string, differences: readonly string[]): XdpkitError {
  return new XdpkitError('PIN_MISMATCH', `map "${spec.name}" pinned at ${path}: ${differences.join('; ')}`, {
    hint:
      'Take --pin-mismatch migrate to carry its entries over to a map of the new shape, recreate to begin with an empty ' +
      "one, or change the map's definition back.",
  });
}
