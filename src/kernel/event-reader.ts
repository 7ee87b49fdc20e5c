/** What the readers of events share: ring buffers, and the per-CPU buffers of a perf event array. */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Btf } from '../btf/btf.js';
import { type BtfValue, type Codec, compileCodec } from '../btf/codec.js';
import type { TypeId } from '../btf/types.js';
import { XdpkitError } from '../errors/error.js';
import { type Waiters, type WaitOptions, waitReadable } from '../linux/readiness.js';

/**
 * Is given each record where it lies: `length` bytes at `offset` of `view`, in the host's byte order. They are the
 * kernel's memory: they are good until the visitor returns (then the kernel writes over them), and writing to them ends
 * the process. `cpu` is told by perf event arrays, whose CPUs write apart.
 */
export type RecordVisitor = (view: DataView, offset: number, length: number, cpu?: number) => void;

/** Since the reader was opened. */
export interface EventStatistics {
  readonly records: number;
  /** Of the records, without headers. */
  readonly bytes: number;
  /** Records that the program reserved and then discarded. */
  readonly discarded: number;
  /** Records that found no room. Only perf event arrays count them; a program sees it where a ring buffer is full. */
  readonly lost: number;
}

export interface EventOptions {
  /** The C type of the records: `event` for `struct event`; the map's own value type where it has one, else bytes. */
  readonly type?: string | undefined;
  /** Where the type is looked up; the BTF of the map's object unless given. */
  readonly btf?: Btf | undefined;
}

/** Values that are asked for at once by iteration. */
const valuesAtOnce = 1024;
/** A record that stays reserved makes the kernel call the ring readable without an end. */
const pauseMilliseconds = 1;

/**
 * Reads events in order, of each CPU at least. Iterating over it waits for events and gives them in batches, decoded,
 * until it is closed: `for await (const events of reader)`. Without a copy:
 * `while (await reader.wait()) reader.drain((view, offset, length) => …)`.
 */
export abstract class EventReader<Value = BtfValue> implements AsyncIterable<Value[]>, Disposable {
  readonly name: string;
  /** Undefined where records are read as bytes. */
  readonly codec: Codec<Value> | undefined;
  readonly waiters: Waiters = new Set();
  #closed = false;
  protected readonly counts = { records: 0, bytes: 0, discarded: 0, lost: 0 };

  constructor(name: string, codec: Codec<Value> | undefined) {
    this.name = name;
    this.codec = codec;
  }

  /** To wait for, as `wait` does. */
  abstract get fd(): number;

  /** Bytes that wait to be read, headers and padding included. */
  abstract get pendingBytes(): number;

  /** Visits what is there, at most `limit` records: how many. A record that was visited is gone, even where it threw. */
  abstract drain(visit: RecordVisitor, limit?: number): number;

  /** Gives back what the reader holds; called once. */
  protected abstract close(): void;

  get statistics(): EventStatistics {
    return { ...this.counts };
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** What is there, decoded (or as copies of the bytes, where no type is known): at most `limit` records. */
  read(limit?: number): Value[] {
    const values: Value[] = [];
    this.drain((view, offset, length) => {
      values.push(this.decode(view, offset, length));
    }, limit);
    return values;
  }

  /** The record that a visitor was given. Throws VALUE_SHAPE for one that is shorter than its type. */
  decode(view: DataView, offset: number, length: number): Value {
    const { codec } = this;
    if (codec === undefined) {
      return new Uint8Array(view.buffer, view.byteOffset + offset, length).slice() as Value;
    }
    if (length >= codec.size) return codec.decode(view, offset);
    throw new XdpkitError(
      'VALUE_SHAPE',
      `a record of map "${this.name}" has ${length} bytes, and the type that was named takes ${codec.size}`,
    );
  }

  /** True once there are events, without holding up the event loop; false when it was closed or the options end it. */
  wait(options?: WaitOptions): Promise<boolean> {
    return waitForEvents([this], options);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Value[]> {
    while (!this.closed && (await this.wait())) {
      const values = this.read(valuesAtOnce);
      if (values.length > 0) yield values;
      else await waitReadable([], { milliseconds: pauseMilliseconds }, [this.waiters]);
    }
  }

  /** Waits under way end with false. What is left stays in the kernel. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const tell of this.waiters) tell(false);
    this.close();
  }
}

type Waited = Pick<EventReader, 'fd' | 'closed' | 'pendingBytes' | 'waiters'>;

/** True once any of the readers has events; false when one is closed or the options end the wait. */
export async function waitForEvents(readers: readonly Waited[], options: WaitOptions = {}): Promise<boolean> {
  const isClosed = () => readers.some(({ closed }) => closed);
  if (isClosed()) return false;
  if (readers.some(({ pendingBytes }) => pendingBytes > 0)) {
    // Without a thread; but those who always find events must not keep everybody else from running.
    await breathe();
    return !isClosed() && options.signal?.aborted !== true;
  }
  const fds = readers.map(({ fd }) => fd);
  const waiters = readers.map((reader) => reader.waiters);
  const wait = waitReadable(fds, options, waiters);
  // Perf events tell each wakeup to one asker only: it may have been told before anybody waited, or to somebody else.
  tellOfEvents(readers);
  const ready = await wait;
  if (ready) tellOfEvents(readers);
  return ready;
}

function tellOfEvents(readers: readonly Waited[]): void {
  for (const reader of readers) {
    if (reader.closed || reader.pendingBytes === 0) continue;
    for (const tell of reader.waiters) tell(true);
  }
}

/** The codec of `eventType`. */
export function eventCodec(btf: Btf | undefined, name: string, map: string): Codec {
  const { types, id } = eventType(btf, name, map);
  return compileCodec(types, id, { name: `record of map "${map}"`, code: 'VALUE_SHAPE' });
}

/** A type by its name in C, with or without `struct`. Throws USAGE where the BTF has no such type. */
export function eventType(
  btf: Btf | undefined,
  name: string,
  map: string,
): { readonly types: Btf; readonly id: TypeId } {
  const plain = name.replace(/^(struct|union|enum)\s+/, '');
  for (const kind of ['struct', 'typedef', 'union', 'enum', 'int'] as const) {
    const id = btf?.find(kind, plain);
    if (btf !== undefined && id !== undefined) return { types: btf, id };
  }
  throw new XdpkitError(
    'USAGE',
    btf === undefined
      ? `records of map "${map}" as ${name}: there is no BTF that tells the type`
      : `records of map "${map}" as ${name}: the object's BTF has no such type`,
    {
      hint: `Make clang keep the type: \`const struct ${plain} *unused __attribute__((unused));\`.`,
    },
  );
}
