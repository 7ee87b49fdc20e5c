/**
 * What the verifier knows of registers, as its logs print it. Source: Linux `kernel/bpf/log.c` (`print_reg_state`), and
 * `kernel/bpf/verifier.c` (`print_verifier_state`) before 6.8.
 */

/** A register, or a slot of the stack, at one point of the program. */
export interface RegisterState {
  /** The kernel's word: `scalar`, `pkt`, `pkt_end`, `ctx`, `map_value_or_null`, `fp`, `mem`, … */
  readonly type: string;
  /** As the log has it. */
  readonly text: string;
  /** Bytes from the start of what it points at, without the variable part. */
  readonly offset: number;
  /** The number itself, or the variable part of a pointer; the widest range where nothing is known. */
  readonly minimum: bigint;
  readonly maximum: bigint;
  /** Whether any of its bits is unknown. */
  readonly variable: boolean;
  /** Of a packet pointer: bytes from where it was made that are proven to be in the packet. */
  readonly proven: number | undefined;
  /** Bytes of what it points at, where that is of a known size. */
  readonly size: number | undefined;
  /** The map that it points at or into, by the kernel's name (since 5.19). */
  readonly map: string | undefined;
}

const assignment = /\b(R\d{1,2}|fp-\d{1,5})(?:_[A-Za-z]{1,4})?=((?:[^\s()]|\((?:[^()]|\([^()]*\))*\))*)/g;

/** The states in a piece of log: `R1=ctx() R10=fp0 fp-8=mmmm????`, by their names. */
export function readStates(text: string): Map<string, RegisterState> {
  const states = new Map<string, RegisterState>();
  for (const [, name, value] of text.matchAll(assignment)) {
    if (name !== undefined && value !== undefined) states.set(name, readState(value));
  }
  return states;
}

const least = -(1n << 63n);
const most = (1n << 64n) - 1n;
/** Older kernels call a number `inv`; a precise one has a `P` before or behind. */
const numberType = /^(?:inv|P?scalar|P)?P?(-?(?:0x[0-9a-f]+|\d+))?$/;

export function readState(text: string): RegisterState {
  const open = text.indexOf('(');
  const head = open === -1 ? text : text.slice(0, open);
  const attributes = open === -1 ? new Map<string, string>() : readAttributes(text.slice(open + 1, -1));
  const number = numberType.exec(head);
  const stack = /^fp(?:\[\d+\])?(-?\d+)?$/.exec(head);
  const type = number ? 'scalar' : stack ? 'fp' : (/^[A-Za-z_][\w*.]*?(?=[-+]?\d*$)/.exec(head)?.[0] ?? head);
  const known = number?.[1] === undefined ? undefined : readNumber(number[1]);
  const bound = (...names: readonly string[]) => {
    for (const name of names) {
      const value = readNumber(attributes.get(name));
      if (value !== undefined) return value;
    }
    return undefined;
  };
  const [smallest, largest] = [bound('smin', 'smin_value'), bound('smax', 'smax_value')];
  const [umin, umax] = [bound('umin', 'umin_value'), bound('umax', 'umax_value')];
  const constant = known ?? (type === 'scalar' ? bound('imm') : undefined);
  const variable = constant === undefined && (type === 'scalar' || attributes.has('var_off'));
  const range = rangeOf(signed(smallest), signed(largest), umin, umax);
  return {
    type,
    text,
    offset: Number(bound('off') ?? readNumber(stack?.[1]) ?? 0n),
    ...(constant === undefined
      ? variable
        ? range
        : { minimum: 0n, maximum: 0n }
      : { minimum: constant, maximum: constant }),
    variable,
    proven: asNumber(bound('r')),
    size: asNumber(bound('vs', 'sz', 'mem_size')),
    map: attributes.get('map'),
  };
}

/** The narrower of what is known of a number with and without a sign. */
function rangeOf(
  smin: bigint | undefined,
  smax: bigint | undefined,
  umin: bigint | undefined,
  umax: bigint | undefined,
): { readonly minimum: bigint; readonly maximum: bigint } {
  const positive = (umax !== undefined && umax < 1n << 63n) || (smin !== undefined && smin >= 0n);
  if (positive) return { minimum: umin ?? smin ?? 0n, maximum: umax ?? smax ?? most };
  if (smin === undefined && smax === undefined) return { minimum: umin ?? least, maximum: umax ?? most };
  return { minimum: smin ?? least, maximum: smax ?? most };
}

function signed(value: bigint | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt.asIntN(64, value);
}

function asNumber(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function readNumber(text: string | undefined): bigint | undefined {
  const match = /^(-?)(0x[0-9a-f]{1,16}|\d{1,20})$/.exec(text ?? '');
  if (match?.[2] === undefined) return undefined;
  const value = BigInt(match[2]);
  return match[1] ? -value : value;
}

/** `id=1,r=0,smin=smin32=0,var_off=(0x0; 0xff)`: names that share a value stand in a row. */
function readAttributes(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const part of text.split(/,(?![^(]*\))/)) {
    const names = part.split('=');
    const value = names.pop();
    for (const name of names) if (value !== undefined) attributes.set(name.trim(), value);
  }
  return attributes;
}

/** `map_value_or_null` and its like, without what newer kernels put before: `rcu_ptr_or_null_`. */
export function mayBeNull(type: string): boolean {
  return /_or_null(_|$)/.test(type);
}

const things: Readonly<Record<string, string>> = {
  ctx: 'the context',
  pkt_end: 'the end of the packet',
  pkt: 'a pointer into the packet',
  map_value: 'a pointer into a map value',
  map_ptr: 'a map',
  fp: 'an address on the stack',
  sock: 'a socket',
  sock_common: 'a socket',
  tcp_sock: 'a TCP socket',
  xdp_sock: 'an AF_XDP socket',
};

/** A type of pointer in words, whether or not it may be NULL. */
export function describeType(type: string): string {
  return things[type.replace(/_or_null_?$/, '')] ?? `a pointer of type ${type}`;
}

const memories: Readonly<Record<string, string>> = {
  pkt: 'the packet',
  pkt_meta: "the packet's metadata",
  map_value: 'a map value',
  ringbuf_mem: 'a reservation in a ring buffer',
  alloc_mem: 'a reservation in a ring buffer',
  mem: 'memory',
  rdonly_mem: 'read-only memory',
  rdonly_buf: 'a read-only buffer',
  rdwr_buf: 'a buffer',
};

/** The memory that a type of pointer points into, in words; undefined for what is none. */
export function memoryOf(type: string): string | undefined {
  return memories[type.replace(/_or_null_?$/, '')];
}

/** "a pointer into the packet, at byte 14, with 34 bytes proven", "a number from 0 to 60". */
export function describeState(state: RegisterState): string {
  const { type, offset, map, size, proven } = state;
  if (type === 'scalar') return describeNumber(state);
  const memory = memoryOf(type);
  const where = describeOffset(state);
  if (memory !== undefined) {
    const whose = map === undefined ? memory : memory === 'a map value' ? `a value of map "${map}"` : memory;
    const parts = [`${mayBeNull(type) ? 'NULL or a pointer to' : 'a pointer into'} ${whose}`];
    if (size !== undefined) parts.push(`of ${bytes(size)}`);
    const rest = [where && `at ${where}`, proven === undefined ? '' : provenWords(proven)].filter(
      (part) => part !== '',
    );
    return [parts.join(' '), ...rest].join(', ');
  }
  if (type === 'map_ptr' && map !== undefined) return `map "${map}"`;
  if (type === 'fp')
    return `an address on the stack, fp${offset < 0 ? offset : `+${offset}`}${where && state.variable ? ` and ${describeNumber(state)}` : ''}`;
  return `${mayBeNull(type) ? 'NULL or ' : ''}${describeType(type)}${where && `, moved to ${where}`}`;
}

function provenWords(proven: number): string {
  return proven === 0 ? 'with no byte proven' : `with ${bytes(proven)} proven`;
}

function describeOffset(state: RegisterState): string {
  const { offset, variable, minimum, maximum } = state;
  if (!variable) return offset === 0 ? '' : `byte ${offset}`;
  const from = minimum === least ? undefined : minimum + BigInt(offset);
  const to = maximum === most ? undefined : maximum + BigInt(offset);
  if (from === undefined && to === undefined) return 'any offset';
  return from === undefined ? `any offset up to byte ${to}` : `byte ${from} to ${to ?? 'any'}`;
}

function describeNumber({ variable, minimum, maximum }: RegisterState): string {
  if (!variable || minimum === maximum) return `the number ${minimum}`;
  if (minimum === least)
    return maximum === most ? 'a number of which nothing is known' : `a number up to ${maximum} that may be negative`;
  return maximum === most ? `a number from ${minimum} on` : `a number from ${minimum} to ${maximum}`;
}

export function bytes(count: number | bigint): string {
  return `${count} ${BigInt(count) === 1n ? 'byte' : 'bytes'}`;
}
