/** Refusals of what a program calls, and what it passes. */
import { mapTypes } from '../uapi/bpf.generated.js';
import type { Explanation, KindOfRefusal } from './kind.js';
import type { Refusal } from './refusal.js';
import { bytes, describeState } from './state.js';

export const callKinds: readonly KindOfRefusal[] = [
  {
    kind: 'gpl-only',
    patterns: [
      /^cannot call GPL(?:-restricted| only) function from (?:non-GPL compatible|proprietary) program/,
      /^cannot call kernel function from non-GPL compatible program/,
    ],
    explain: (_, { called, code }) => ({
      what: `it calls ${called ?? 'a function'}, which only programs under a GPL-compatible licence may, and its licence is "${code.license}"`,
      mend: `Where it may be distributed so, declare it: \`char _license[] SEC("license") = "GPL";\` ("Dual BSD/GPL" and "Dual MIT/GPL" do too).`,
    }),
  },
  {
    kind: 'sleepable',
    patterns: [
      /might sleep in a? ?non-sleepable|^program must be sleepable to call sleepable kfunc (\w+)|^(?:helper|kernel func) ?\S* ?.*is sleepable (?:in|within)|^sleepable helper/,
    ],
    explain: (_, { called }) => ({
      what: `it calls ${called ?? 'a function'}, which may sleep, where it must not`,
      mend: 'Let the program be one that may sleep, by a section that ends in ".s" (SEC("fentry.s/…"), SEC("lsm.s/…"), SEC("uprobe.s/…"), SEC("syscall")), and call it outside of locks and RCU sections; or use what does not sleep, such as bpf_probe_read_user in the place of bpf_copy_from_user.',
    }),
  },
  {
    kind: 'helper-unknown',
    patterns: [/^invalid func (\S+)#(\d+)/],
    explain: ([, , number]) => ({
      what: `it calls helper ${number}, which this kernel does not have`,
      mend: `It takes a newer kernel, or a program that does without: \`bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_…)\` asks first, and what a kernel lacks is then dead code.`,
    }),
  },
  {
    kind: 'helper-not-allowed',
    patterns: [/^(?:program of this type cannot use helper|unknown func) (\w+)#(\d+)/],
    explain: ([, helper], { code }) => {
      const types = (code.typesWithHelper?.(helper ?? '') ?? []).filter((type) => type !== code.type);
      const have =
        types.length > 0
          ? `On this kernel programs of these types may: ${types.join(', ')}.`
          : 'No type of program that could be asked may on this kernel.';
      return {
        what: `it calls ${helper}, which programs of type ${code.type} may not`,
        mend: `${have} ${/skb/.test(helper ?? '') && code.type === 'xdp' ? 'At XDP there is no socket buffer yet: change the packet through data and data_end, or by the bpf_xdp_… helpers.' : 'Do without it, or attach the program where its type has it.'}`,
      };
    },
  },
  {
    kind: 'map-type',
    patterns: [/^cannot pass map_type (\d+) into func (\w+)#/],
    explain: ([, number, helper], refusal) => {
      const type = nameOf(mapTypes, Number(number)) ?? `type ${number}`;
      const map = [...refusal.log.states.values()].find((state) => state.type === 'map_ptr')?.map;
      return {
        what: `it passes ${map === undefined ? 'a map' : `map "${map}"`} of type ${type} to ${helper}, which works on others`,
        mend: `Pass a map of a type that ${helper} takes${mapsOf(helper ?? '')}, or call the helper for maps of type ${type}.`,
        register: 'R1',
      };
    },
  },
  {
    kind: 'size-argument',
    patterns: [
      /^(R\d+) (?:unbounded memory access, use 'var &= const'|min value is negative, either use unsigned or 'var &= const'|invalid zero-sized read|invalid size)/,
      // Linux 6.1 does not name the register.
      /^invalid zero-sized read/,
    ],
    explain: ([, register], refusal, line) => sizeArgument(refusal, line, register ?? sizeRegister(refusal)),
  },
  {
    kind: 'dynptr',
    patterns: [/dynptr/i, /^arg (\d) is an unacquired reference/],
    explain: (_, { called, text }, line) => ({
      what: `it uses a dynptr wrongly${called === undefined ? '' : ` in ${called}`}: ${/unacquired/.test(line) ? 'the dynptr was never made' : line}`,
      mend: `A dynptr is a local \`struct bpf_dynptr\` that is only touched through its helpers: made once (bpf_ringbuf_reserve_dynptr, bpf_dynptr_from_mem, bpf_dynptr_from_xdp), used, and, where it came from a ring buffer, given back once by bpf_ringbuf_submit_dynptr or bpf_ringbuf_discard_dynptr${text?.endsWith('exit') ? ' before the program ends' : ''}.`,
    }),
  },
  {
    kind: 'argument-type',
    patterns: [
      /^(R\d+) type=(\w*) expected=(.*)/,
      /^(R\d+) (?:is not a known constant|must be a known constant|must be a rdonly|doesn't point to)/,
      /^(?:arg#\d+|R\d+) (?:expected|must|is(?! invalid)|pointer|type|arg#|reference)/,
    ],
    explain: ([, register, type, expected], refusal, line) =>
      argumentType(refusal, line, register ?? registerOfArgument(line), type, expected),
  },
  {
    kind: 'kfunc-not-allowed',
    patterns: [
      /^calling kernel function (\S+) is not allowed/,
      /^(?:kernel function|kfunc) (\S+) (?:is not|cannot)/,
      /^metadata kfuncs? (.*)/,
    ],
    explain: ([, name], { code }) => ({
      what: `it calls the kernel's function ${name}, which programs of type ${code.type} may not`,
      mend: 'Only functions that the kernel has registered for a type of program (kfuncs) can be called from it; look for a helper or kfunc that does the same for this type.',
    }),
  },
  {
    kind: 'tail-call',
    patterns: [/^tail_calls? (?:are|is) (?:not|only) allowed/, /^cannot tail call within/, /^tail call/],
    explain: (_, _refusal, line) => {
      const used = /is (\d+) bytes/.exec(line)?.[1];
      return {
        what:
          used === undefined
            ? `it has a tail call where there may be none (${line})`
            : `it has a tail call in a function below which ${bytes(Number(used))} of stack are in use, and 256 is the most`,
        mend:
          used === undefined
            ? `Call bpf_tail_call from the program itself or from a static function that returns int, with no lock or reference held.`
            : 'Keep less than 256 bytes on the stack in the functions above it (large things belong in a per-CPU array), or make the tail call in the program itself.',
      };
    },
  },
];

const ordinals = ['', 'first', 'second', 'third', 'fourth', 'fifth'];

/** "the second argument of bpf_map_delete_elem" */
function argument(register: string | undefined, called: string | undefined): string {
  const place = ordinals[Number(register?.slice(1))];
  return `${place === undefined ? 'an' : `the ${place}`} argument of ${called ?? 'the function'}`;
}

function sizeArgument(refusal: Refusal, line: string, register: string): Explanation {
  const { called, leave } = refusal;
  const state = refusal.state(register);
  const pointer = refusal.state(`R${Number(register.slice(1)) - 1}`);
  const room = pointer?.size ?? (pointer?.type === 'fp' && pointer.offset < 0 ? -pointer.offset : undefined);
  const range = state ? `: it is ${describeState(state)}` : '';
  const name = refusal.argument(register) ?? 'size';
  const negative = /min value is negative/.test(line);
  const variable = /^\w+$/.test(name) ? name : 'size';
  const first = variable === name ? '' : `put it into a variable (\`__u32 size = ${name};\`), `;
  return {
    what: `it passes as ${argument(register, called)} a size that may be ${negative ? 'negative' : /zero-sized/.test(line) ? 'zero or too large' : 'too large'}${range}`,
    mend: `Bound it right before the call, as an unsigned number: ${first}\`if (${variable} == 0 || ${variable} > ${room ?? 'sizeof(buffer)'}) ${leave}\`${room === undefined ? '' : ` (${bytes(room)} are there)`}.`,
    register,
  };
}

/** The last number behind a pointer, as helpers take a size behind the memory that it is of. */
function sizeRegister(refusal: Refusal): string {
  const isNumber = (at: number) => refusal.state(`R${at}`)?.type === 'scalar';
  return `R${[5, 4, 3, 2].find((at) => isNumber(at) && !isNumber(at - 1)) ?? 2}`;
}

const kindsOfArgument: Readonly<Record<string, string>> = {
  map_ptr: 'a map (`&name`)',
  fp: 'a local variable (`&name`)',
  ctx: 'the context',
  map_value: 'a pointer into a map value',
  pkt: 'a pointer into the packet',
  scalar: 'a number',
  mem: 'a pointer to memory of known size',
  ringbuf_mem: 'what bpf_ringbuf_reserve returned',
  alloc_mem: 'what bpf_ringbuf_reserve returned',
  func: 'a function of the program',
  sock: 'a socket',
};

/** Of complaints about `arg#0`, as kernel functions count theirs. */
function registerOfArgument(line: string): string | undefined {
  const number = /\barg#(\d)/.exec(line)?.[1];
  return number === undefined ? undefined : `R${Number(number) + 1}`;
}

function argumentType(
  refusal: Refusal,
  line: string,
  register: string | undefined,
  type: string | undefined,
  expected: string | undefined,
): Explanation {
  const { called } = refusal;
  if (expected === undefined) {
    const constant = /known constant/.test(line);
    return {
      what: `${argument(register, called)} ${constant ? 'has to be a constant, and is computed' : `is not what it takes (${line})`}`,
      mend: constant
        ? `Write a constant, such as sizeof(struct event) of the largest; ${called === 'bpf_ringbuf_reserve' ? 'for records of varying size use bpf_ringbuf_reserve_dynptr or bpf_ringbuf_output.' : 'a value that is only known when the program runs cannot stand there.'}`
        : 'Pass what its documentation names; `man 7 bpf-helpers` lists the arguments of every helper.',
      register,
    };
  }
  const state = refusal.state(register);
  const memory = /\bfp\b/.test(expected) && /\bmap_value\b/.test(expected);
  const wanted = expected
    .split(/[,\s]+/)
    .map((word) => kindsOfArgument[word])
    .filter((word) => word !== undefined);
  const list = memory
    ? 'an address of memory: a local variable (`&name`), a map value, bytes of the packet'
    : [...new Set(wanted)].join(' or ');
  if (/ringbuf_mem|alloc_mem/.test(expected) && /^bpf_ringbuf_(submit|discard)/.test(called ?? '')) {
    return {
      what: `it passes to ${called} what is no reservation in a ring buffer (any more)`,
      mend: 'Submit or discard what bpf_ringbuf_reserve returned exactly once on each way, with that very pointer, and leave it alone after that.',
      register,
    };
  }
  return {
    what: `it passes ${state && state.type === type ? describeState(state) : `a value of type ${type}`} as ${argument(register, called)}, which takes ${list || expected}`,
    mend: `Pass ${list || expected}${memory ? '; what lies elsewhere is first copied into a local variable, on the stack' : ''}.`,
    register,
  };
}

function mapsOf(helper: string): string {
  const kind = /ringbuf/.test(helper)
    ? 'ringbuf'
    : /redirect_map/.test(helper)
      ? 'devmap, cpumap or xskmap'
      : /tail_call/.test(helper)
        ? 'prog_array'
        : /perf_event/.test(helper)
          ? 'perf_event_array'
          : /stackid/.test(helper)
            ? 'stack_trace'
            : /sk_redirect_map|sock_map/.test(helper)
              ? 'sockmap'
              : /(push|pop|peek)_elem/.test(helper)
                ? 'queue or stack'
                : '';
  return kind && ` (${kind})`;
}

function nameOf(table: Readonly<Record<string, number>>, number: number): string | undefined {
  return Object.keys(table).find((name) => table[name] === number);
}
