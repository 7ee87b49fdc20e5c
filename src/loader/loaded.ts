import type { BtfValue } from '../btf/codec.js';
import { XdpkitError } from '../errors/error.js';
import type { Degradation } from '../kernel/degradation.js';
import type { EventOptions } from '../kernel/event-reader.js';
import type { Globals } from '../kernel/globals.js';
import type { LoadedSpec } from '../kernel/load.js';
import type { BpfMap } from '../kernel/map.js';
import type { Migration } from '../kernel/migrate-map.js';
import { type EventTypes, openPerfBuffer, openRingBuffer, openUserRingBuffer } from '../kernel/open-events.js';
import type { PerfBuffer, PerfBufferOptions } from '../kernel/perf-buffer.js';
import { BpfProgram } from '../kernel/program.js';
import type { RingBuffer } from '../kernel/ring-buffer.js';
import type { UserRingBuffer } from '../kernel/user-ring-buffer.js';
import type { ObjectSpec } from '../object/spec.js';
import { attachXdp, type XdpAttachOptions } from '../xdp/attach.js';
import { type PacketRun, type PacketRunOptions, runPacket } from '../xdp/run-packet.js';
import type { XdpLink } from '../xdp/xdp-link.js';

/** A program of an object, in the kernel, with the hooks that it can be attached to. */
export class LoadedProgram extends BpfProgram {
  /** See `attachXdp`. The link does not need this program's descriptor any more. */
  attachXdp(options: XdpAttachOptions): XdpLink {
    if (this.type !== 'xdp') {
      throw new XdpkitError('USAGE', `program "${this.name}" is of type ${this.type}, not xdp`);
    }
    return attachXdp(this, options);
  }

  /**
   * Runs the program on one packet, attached to nothing, as a test of it does: `program.run('eth/ip/udp dport 53').verdict`.
   * See `runPacket`, and `buildPacket` for packets in words.
   */
  run(packet?: Uint8Array | string, options: Omit<PacketRunOptions, 'packet'> = {}): PacketRun {
    return runPacket(this, { ...options, packet });
  }
}

/**
 * An object in the kernel. Closing it closes programs and maps; what is attached or pinned lives on without it, and
 * so do the maps that such a program uses.
 */
export class LoadedObject {
  readonly spec: ObjectSpec;
  readonly programs: ReadonlyMap<string, LoadedProgram>;
  readonly maps: ReadonlyMap<string, BpfMap>;
  /** Global variables, live; constants can be read. */
  readonly globals: Globals;
  /** What was carried over from pinned maps of another shape (`LoadOptions.pinMismatch`). */
  readonly migrations: readonly Migration[];
  /** What was done without, as the kernel does not know it. */
  readonly degraded: readonly Degradation[];
  readonly #loaded: LoadedSpec<LoadedProgram>;

  constructor(spec: ObjectSpec, loaded: LoadedSpec<LoadedProgram>) {
    this.spec = spec;
    this.programs = loaded.programs;
    this.maps = loaded.maps;
    this.globals = loaded.globals;
    this.migrations = loaded.migrations;
    this.degraded = loaded.degraded;
    this.#loaded = loaded;
  }

  /** Errors: `PROGRAM_NOT_FOUND` with the names that there are. */
  program(name: string): LoadedProgram {
    const program = this.programs.get(name);
    if (program) return program;
    const isInObject = this.spec.programs.some((each) => each.name === name);
    const names = [...this.programs.keys()].join(', ');
    throw new XdpkitError(
      'PROGRAM_NOT_FOUND',
      isInObject
        ? `program "${name}" of ${this.spec.name} was not loaded`
        : `${this.spec.name} has no program "${name}"`,
      { hint: names ? `Loaded are ${names}.` : 'No program of it was loaded.' },
    );
  }

  /**
   * The caller states what the map's BTF makes of keys and values, as in
   * `object.map<number, PerCpu<{ rx_packets: bigint }>>('xdp_stats')`. Errors: `MAP_NOT_FOUND` with the names that
   * there are.
   */
  map<Key = BtfValue, Value = BtfValue>(name: string): BpfMap<Key, Value> {
    const map = this.maps.get(name);
    if (map) return map as unknown as BpfMap<Key, Value>;
    const names = [...this.maps.keys()].join(', ');
    throw new XdpkitError('MAP_NOT_FOUND', `${this.spec.name} has no map "${name}"`, {
      hint: names ? `It has ${names}.` : 'It has no maps.',
    });
  }

  /**
   * A reader of a `ringbuf`, which the caller closes. Its records are of the type that is named, or of the map's
   * `__type(value, …)`, else bytes. Errors: `MAP_NOT_FOUND`, `USAGE` for maps and types that are none.
   */
  ringBuffer<Value = BtfValue>(name: string, options: EventOptions = {}): RingBuffer<Value> {
    return openRingBuffer(this.map<never, never>(name), this.#eventTypes(name, options));
  }

  /** As `ringBuffer`, of a `perf_event_array`: a buffer for each CPU that is online. */
  perfBuffer<Value = BtfValue>(name: string, options: EventOptions & PerfBufferOptions = {}): PerfBuffer<Value> {
    return openPerfBuffer(this.map<never, never>(name), this.#eventTypes(name, options));
  }

  /** A writer of a `user_ringbuf`, with the types of `ringBuffer`. */
  userRingBuffer<Value = BtfValue>(name: string, options: EventOptions = {}): UserRingBuffer<Value> {
    return openUserRingBuffer(this.map<never, never>(name), this.#eventTypes(name, options));
  }

  #eventTypes<Options extends EventOptions>(name: string, options: Options): Options & EventTypes {
    const valueType = this.spec.maps.find((map) => map.name === name)?.valueType;
    return { btf: this.spec.btf, ...options, valueType };
  }

  /** Takes back the pins that the load has made, for what fails after it; those that it found stay. */
  removeNewPins(): void {
    this.#loaded.removeNewPins();
  }

  [Symbol.dispose](): void {
    this.#loaded[Symbol.dispose]();
  }
}
