/** Refusals of what a program reads and writes. */
import type { Explanation, KindOfRefusal } from './kind.js';
import type { Refusal } from './refusal.js';
import { bytes, describeType, mayBeNull, memoryOf, type RegisterState } from './state.js';

export const memoryKinds: readonly KindOfRefusal[] = [
  {
    kind: 'packet-bounds',
    patterns: [/^invalid access to packet, off=(-?\d+) size=(-?\d+), (R\d+)\(id=(\d+),off=-?\d+,r=(\d+)\)/],
    explain: ([, off, length, register, , r], refusal) =>
      packetBounds(refusal, register ?? '', Number(off), Number(length), Number(r)),
  },
  {
    kind: 'map-value-bounds',
    patterns: [/^invalid access to map value, value_size=(\d+) off=(-?\d+) size=(-?\d+)/],
    explain: ([, size, off, length], refusal) =>
      fixedBounds(refusal, 'map value', Number(size), Number(off), Number(length)),
  },
  {
    kind: 'memory-bounds',
    patterns: [
      /^invalid access to memory, mem_size=(\d+) off=(-?\d+) size=(-?\d+)/,
      /^invalid access to map key, key_size=(\d+) off=(-?\d+) size=(-?\d+)/,
    ],
    explain: ([, size, off, length], refusal) =>
      fixedBounds(refusal, 'memory', Number(size), Number(off), Number(length)),
  },
  {
    kind: 'unbounded-offset',
    patterns: [
      /^(R\d+) unbounded memory access, make sure to bounds check/,
      /^(R\d+) min value is negative, either use unsigned index or do a if \(index >=0\) check/,
      /^(?:math between|value -?\d+ makes) (map_value|mem|ringbuf_mem) pointer /,
    ],
    explain: ([, register], refusal) => unboundedOffset(refusal, register),
  },
  {
    kind: 'null-pointer',
    patterns: [
      /^(R\d+) invalid mem access '(\w*_or_null\w*)'/,
      /^(R\d+) pointer arithmetic on (\w*_or_null\w*) prohibited/,
      /^(R\d+) type=(\w*_or_null\w*) expected=/,
      /^Possibly NULL pointer passed to (?:trusted )?arg#?(\d)/,
    ],
    explain: ([, register = '', type], refusal) =>
      type === undefined
        ? nullPointer(
            refusal,
            `R${Number(register) + 1}`,
            refusal.state(`R${Number(register) + 1}`)?.type ?? 'ptr_or_null_',
          )
        : nullPointer(refusal, register, type),
  },
  {
    kind: 'invalid-dereference',
    patterns: [/^(R\d+) invalid mem access '(\w+)'/],
    explain: ([, register, type], refusal) => invalidDereference(refusal, register ?? '', type ?? ''),
  },
  {
    kind: 'read-only',
    patterns: [
      /^write into map forbidden/,
      /^cannot write into (packet|\w+)/,
      /^(R\d+) cannot write into (\w+)/,
      /^only read from (\w+) is (?:supported|allowed)/,
      /^cannot read from map|^read from map forbidden/,
    ],
    explain: (_, refusal, line) => readOnly(refusal, line),
  },
];

/** "byte 3", "bytes 14 to 33" */
function byteRange(first: number | bigint, count: number): string {
  return count === 1 ? `byte ${first}` : `bytes ${first} to ${BigInt(first) + BigInt(count) - 1n}`;
}

function packetBounds(refusal: Refusal, register: string, offset: number, size: number, proven: number): Explanation {
  const state = refusal.state(register);
  const { pointer, packetStart, packetEnd, leave } = refusal;
  const known =
    proven === 0
      ? 'of which not a single byte is proven to be there'
      : `but only the first ${bytes(proven)} are proven to be there`;
  const what = state?.variable
    ? `${refusal.does} ${bytes(size)} of the packet behind an offset that it computed (${state.minimum} to ${state.maximum}), ${proven === 0 ? 'and never compares that pointer with the end of the packet' : `and only ${bytes(proven)} behind it are proven to be there`}`
    : `${refusal.does} ${byteRange(offset, size)} of the packet, ${known.replace(/first 1 byte are/, 'first byte is')}`;
  const end = pointer?.index === undefined ? 1 : Number(pointer.index) + 1;
  const checked =
    pointer === undefined
      ? `${packetStart} + ${offset + size}`
      : `(void *)(${pointer.name} + ${Number.isNaN(end) ? `${pointer.index} + 1` : end})`;
  return {
    what,
    mend: `Prove it before that line: \`if (${checked} > ${packetEnd}) ${leave}\``,
    register,
    // A comparison proves bytes of all copies of a pointer; the log shows only the one that was compared.
    state: state && { ...state, proven, text: state.text.replace(/\br=\d+/, `r=${proven}`) },
    access: { memory: 'packet', offset, size, write: refusal.access?.write ?? false },
  };
}

function fixedBounds(refusal: Refusal, memory: string, size: number, offset: number, length: number): Explanation {
  const register = registerNamed(refusal);
  const state = refusal.state(register);
  const access = { memory, offset, size: length, write: refusal.access?.write ?? false };
  const whole = `${memory === 'memory' ? 'a memory' : `a ${memory}`} of ${bytes(size)}`;
  if (!state?.variable) {
    return {
      what: `${refusal.does} ${offset < 0 ? `${bytes(length)} at ${offset}` : byteRange(offset, length)} of ${whole}`,
      mend: `Stay within its ${bytes(size)}: a smaller index or size, or a larger ${memory === 'memory' ? 'reservation or buffer' : 'value type in the map’s definition'}.`,
      register,
      access,
    };
  }
  const negative = offset < 0;
  const furthest = state.maximum + BigInt(state.offset) + BigInt(refusal.access?.offset ?? 0) + BigInt(length) - 1n;
  return {
    what: negative
      ? `${refusal.does} ${whole} at an offset that may be negative (from ${offset} on)`
      : `${refusal.does} up to byte ${furthest} of ${whole}: the offset that it computed is ${state.minimum} to ${state.maximum}`,
    mend: negative ? unsignedIndex(refusal) : bound(refusal, { size, length, register, state }),
    register,
    access,
  };
}

function unboundedOffset(refusal: Refusal, named: string | undefined): Explanation {
  const register = named?.startsWith('R') ? named : registerWritten(refusal);
  const state = refusal.state(register);
  const size = state?.size;
  const memory = state && (memoryOf(state.type) ?? state.type);
  const whole = `${memory ?? 'memory'}${size === undefined ? '' : ` of ${bytes(size)}`}`;
  const negative = !/unbounded memory access/.test(refusal.reason);
  const reach = { size, length: refusal.access?.size ?? 1, register, state };
  return {
    what: negative
      ? `${refusal.does} ${whole} at an offset that may be negative`
      : `${refusal.does} ${whole} at an offset without an upper bound`,
    mend: negative
      ? `${unsignedIndex(refusal)}${size === undefined ? '' : ` ${bound(refusal, reach)}`}`
      : bound(refusal, reach),
    register,
  };
}

/** The index by its name in C. */
function indexOf({ pointer, onlyIndex }: Refusal): string | undefined {
  const index = pointer?.index ?? onlyIndex;
  return index !== undefined && /^[A-Za-z_]\w*$/.test(index) ? index : undefined;
}

function unsignedIndex(refusal: Refusal): string {
  return `Make ${indexOf(refusal) ?? 'the index'} unsigned (\`__u32\`) before it is compared, so that it cannot be negative.`;
}

interface Reach {
  /** Bytes of the memory, where that is known. */
  readonly size: number | undefined;
  /** Bytes that are read or written. */
  readonly length: number;
  /** The pointer, with its state. */
  readonly register: string | undefined;
  readonly state: RegisterState | undefined;
}

/** The largest index that stays in the memory; a mask does where the number of elements is a power of two. */
function bound(refusal: Refusal, { size, length, register, state }: Reach): string {
  const { leave, access } = refusal;
  if (size === undefined)
    return `Compare the index with the size before that line, and leave where it is larger: \`${leave}\``;
  const fixed = (state?.offset ?? 0) + (access?.offset ?? 0);
  const last = Math.floor((size - fixed - length) / strideOf(refusal, register, state, length));
  const name = indexOf(refusal) ?? 'index';
  const mask = last > 0 && (last & (last + 1)) === 0 ? `\`${name} &= ${last};\` or ` : '';
  // Of a struct's layout the verifier knows nothing: its end is not that of an array in it.
  const less = fixed === 0 ? '' : "; or by the array's own length, where that is less";
  return `Bound it right before that line: ${mask}\`if (${name} > ${Math.max(last, 0)}) ${leave}\`${less}`;
}

/**
 * Bytes from one element to the next: by the instruction that made an offset of the index, or else by the low bits that
 * the offset never has.
 */
function strideOf(
  { log: { steps } }: Refusal,
  register: string | undefined,
  state: RegisterState | undefined,
  length: number,
): number {
  const mask = BigInt(/\bvar_off=\(0x0; (0x[0-9a-f]+)\)/.exec(state?.text ?? '')?.[1] ?? 0);
  const least = mask === 0n ? length : Number(mask & -mask);
  const added = steps.findLastIndex(({ text }) => /^\(0f\) r(\d+) \+= r\d+$/.exec(text)?.[1] === register?.slice(1));
  const summands = /r(\d+) \+= r(\d+)$/.exec(steps[added]?.text ?? '')?.slice(1) ?? [];
  for (const { text } of steps.slice(0, Math.max(added, 0)).reverse()) {
    const [, target = '', operator, number] = /^\([0-9a-f]{2}\) [rw](\d+) (<<|\*)= (\d+)$/.exec(text) ?? [];
    if (!summands.includes(target)) continue;
    const stride = operator === '*' ? Number(number) : 2 ** Number(number);
    return stride % least === 0 ? stride : least;
  }
  return least;
}

function nullPointer(refusal: Refusal, register: string, type: string): Explanation {
  const { pointer, leave } = refusal;
  const state = refusal.state(register);
  const maker = type.startsWith('map_value')
    ? /call bpf_map_lookup/
    : /^(ringbuf|alloc)_mem/.test(type)
      ? /call bpf_ringbuf_reserve/
      : / call (?!pc)/;
  const call = refusal.before(({ text }) => maker.test(text));
  const name = pointer?.name ?? refusal.assignedAt(call?.instruction) ?? 'pointer';
  const thing = type.startsWith('map_value')
    ? `a value of ${state?.map === undefined ? 'a map' : `map "${state.map}"`} that may be missing (NULL)`
    : `${/^(ringbuf|alloc)_mem/.test(type) ? 'a reservation in a ring buffer' : /^mem|^rd/.test(type) ? 'memory by a pointer' : `${describeType(type)}`} that may be NULL`;
  const does = / pointer arithmetic /.test(refusal.reason)
    ? 'it computes with'
    : refusal.access?.write
      ? 'it writes to'
      : refusal.does;
  return {
    what: `${does} ${thing}`,
    mend: `Check it before that line: \`if (!${name}) ${leave}\``,
    register,
  };
}

const movesPacket =
  /bpf_(xdp_adjust_(head|tail|meta)|skb_(change_|pull_data|vlan_|adjust_room|store_bytes|set_tunnel)|l[34]_csum_replace|clone_redirect|msg_(push|pull|pop)_data|lwt_)/;

function invalidDereference(refusal: Refusal, register: string, type: string): Explanation {
  const { pointer, code } = refusal;
  const state = refusal.state(register);
  const number = /^(scalar|inv)$/.test(type);
  const call = refusal.before(({ text }) => movesPacket.test(text));
  if (number && state?.type.startsWith('pkt') && call) {
    const helper = /call (\w+)/.exec(call.text)?.[1];
    return {
      what: `it uses a pointer into the packet from before ${helper}, which may have moved the packet`,
      mend: `Read \`data\` and \`data_end\` again after ${helper}, and prove the bytes again.`,
      register,
    };
  }
  if (number && state !== undefined && memoryOf(state.type) !== undefined && !mayBeNull(state.type)) {
    const last = refusal.before(({ text }) => / call (?!pc)/.test(text));
    const helper = last && /call (\w+)/.exec(last.text)?.[1];
    return {
      what: `it uses ${pointer?.name ?? register} after ${helper ?? 'a call'} has taken it back`,
      mend: `Do what needs ${pointer?.name ?? 'it'} before ${helper ?? 'that call'}.`,
      register,
    };
  }
  const tracing = /kprobe|tracepoint|perf_event|tracing|lsm|struct_ops/.test(code.type);
  const name = pointer?.name ?? register;
  return {
    what: number
      ? `it uses ${name} as an address, but to the verifier it is a number`
      : `it uses ${name} as an address of memory, which a value of type ${type} is not`,
    mend: tracing
      ? `Memory of the kernel is read by a helper: \`bpf_probe_read_kernel(&value, sizeof(value), ${pointer?.name ?? 'address'});\`, or \`BPF_CORE_READ\` for a member.`
      : 'Take the address from where the verifier knows it as a pointer: data and data_end of the context, a map look-up, a local variable; a pointer that went through arithmetic of 32 bits or through memory as a number is one no more.',
    register,
  };
}

function readOnly({ access, code, reason, log }: Refusal, line: string): Explanation {
  const register = access && `R${access.base}`;
  const state = register === undefined ? undefined : log.states.get(register);
  if (/packet/.test(line)) {
    return {
      what: 'it writes into the packet, which programs of its type may only read',
      mend: `Programs at tc (SEC("tc")) and XDP (SEC("xdp")) may write; ${/skb/.test(code.type) ? 'bpf_skb_store_bytes is not for this type either.' : 'elsewhere a helper such as bpf_skb_store_bytes does, where the type has it.'}`,
      register,
    };
  }
  const constant = state?.map !== undefined && /rodata/.test(state.map);
  return {
    what: constant
      ? 'it writes to a constant, which can only be read once the object is loaded'
      : `it writes what it can only read: ${reason}`,
    mend: constant
      ? 'Take `const` off the variable: then it lies in .data or .bss, which programs may write.'
      : 'Take the map from where it may be written: without BPF_F_RDONLY_PROG, and not frozen.',
    register,
  };
}

/** The register that the second line of the verifier's complaint, or the instruction, names. */
function registerNamed(refusal: Refusal): string | undefined {
  const named = /\b(R\d+) (?:min|max|unbounded|offset)/.exec(refusal.reason)?.[1];
  return named ?? (refusal.access && `R${refusal.access.base}`);
}

function registerWritten({ text }: Refusal): string | undefined {
  const number = /^\([0-9a-f]{2}\) r(\d+) [-+]=/.exec(text ?? '')?.[1];
  return number === undefined ? undefined : `R${number}`;
}
