/** Refusals of what a program does with pointers, registers and its context. */
import type { Explanation, KindOfRefusal } from './kind.js';
import type { Refusal } from './refusal.js';
import { describeState, describeType } from './state.js';

export const pointerKinds: readonly KindOfRefusal[] = [
  {
    kind: 'context-access',
    patterns: [/^invalid bpf_context access off=(-?\d+) size=(\d+)/],
    explain: ([, off, size], refusal) => contextAccess(refusal, Number(off), Number(size)),
  },
  {
    kind: 'context-pointer',
    patterns: [/^(?:variable|dereference of modified|negative offset) ctx (?:ptr|access)/],
    explain: (_, { access, contextName }) => ({
      what: `it reads through a pointer to the context that was moved${access ? ` (R${access.base})` : ''}`,
      mend: `Reach each field by its name (\`${contextName}->field\`): an offset into the context has to be a constant in the instruction itself. Where the compiler merges two accesses, keep them apart with \`barrier_var(${contextName});\`.`,
      register: access && `R${access.base}`,
    }),
  },
  {
    kind: 'uninitialised-register',
    patterns: [/^(R\d+) !read_ok/],
    explain: ([, register], { text, code, called }) => {
      const leaves = text?.endsWith(' exit') === true;
      return {
        what: leaves
          ? 'it ends without having set what it returns (R0)'
          : `it uses ${register}, which holds nothing here${called === undefined ? '' : `: an argument of ${called} that was not given`}`,
        mend: leaves
          ? `End every way through ${code.name} with a return: \`return ${code.type === 'xdp' ? 'XDP_PASS' : '0'};\``
          : 'Give the variable a value on every way that leads here; a call leaves nothing in R1 to R5, so that inline assembly has to name what it uses.',
        register,
      };
    },
  },
  {
    kind: 'frame-pointer',
    patterns: [/^frame pointer is read only/],
    explain: () => ({
      what: 'it writes R10, the frame pointer, which can only be read',
      mend: 'Copy it into another register, and compute with that one.',
      register: 'R10',
    }),
  },
  {
    kind: 'pointer-comparison',
    patterns: [/^(R\d+) pointer comparison prohibited/],
    explain: ([, register]) => ({
      what: `it compares ${register}, a pointer, with a number, which a process without CAP_PERFMON may not have it do`,
      mend: 'Compare a pointer with NULL or, for packets, with data_end only; or load the program with CAP_PERFMON.',
      register,
    }),
  },
  {
    kind: 'pointer-leak',
    patterns: [/^(R\d+) leaks addr (.*)/, /^attempt to leak pointer|^(R\d+) partial copy of pointer/],
    explain: ([, register, where]) => ({
      what: `it would let an address of the kernel out${where === undefined ? '' : ` (${where})`}`,
      mend: 'Store what the pointer points at, not the pointer; a process with CAP_PERFMON may load it as it is.',
      register,
    }),
  },
  {
    kind: 'pointer-arithmetic',
    patterns: [
      /^(R\d+) pointer arithmetic on (\w+) prohibited/,
      /^(R\d+) (?:pointer [-+]= pointer|tried to (?:add|subtract)|subtraction from stack pointer|\d+-bit pointer arithmetic|bitwise operator|pointer arithmetic (?:with|of))/,
      /^math between (\w+) pointer and (?:register|-?\d+)/,
      /^value -?\d+ makes (\w+) pointer be out of bounds/,
      /^(?:cannot subtract|dereference of modified) (\w+)/,
      /^(R\d+) has pointer with unsupported alu operation/,
      /^(\w+) pointer offset -?\d+ is not allowed/,
    ],
    explain: ([, first, second], refusal, line) => arithmetic(refusal, line, first, second),
  },
  {
    kind: 'atomic',
    patterns: [/^BPF_(?:ATOMIC|XADD) stores into (R\d+) (\w+) is not allowed/, /^invalid atomic/],
    explain: ([, register, where], refusal) => {
      const state = refusal.state(register);
      return {
        what: `it has an atomic operation on ${state ? describeState(state) : (where ?? 'memory that allows none')}`,
        mend: 'Atomic operations work on a map value or the stack, on 4 or 8 aligned bytes: do it on a copy there.',
        register,
      };
    },
  },
];

const fieldsOfXdp: readonly (readonly [name: string, offset: number])[] = [
  ['data', 0],
  ['data_end', 4],
  ['data_meta', 8],
  ['ingress_ifindex', 12],
  ['rx_queue_index', 16],
  ['egress_ifindex', 20],
];

function contextAccess(refusal: Refusal, offset: number, size: number): Explanation {
  const { code, access, contextName } = refusal;
  const what = `${refusal.does} ${size} ${size === 1 ? 'byte' : 'bytes'} at offset ${offset} of its context, which a program of type ${code.type} may not`;
  const register = access && `R${access.base}`;
  const found = { memory: 'context', offset, size, write: access?.write ?? false };
  if (code.type === 'xdp') {
    const names = fieldsOfXdp.map(([name]) => name).join(', ');
    const field = fieldsOfXdp.find(([, at]) => offset >= at && offset < at + 4)?.[0];
    if (access?.write) {
      return {
        what,
        mend: `No field of struct xdp_md is written directly (only rx_queue_index, and only on offloaded programs): return a verdict, move the packet's ends by bpf_xdp_adjust_head, bpf_xdp_adjust_tail or bpf_xdp_adjust_meta.`,
        register,
        access: found,
      };
    }
    const odd = size !== 4 || offset % 4 !== 0;
    return {
      what,
      mend:
        field === 'egress_ifindex' && !odd
          ? 'egress_ifindex is there only for programs of devmap entries: SEC("xdp/devmap").'
          : `struct xdp_md has ${names}, each a __u32 that is read as 4 bytes at once${field !== undefined && odd ? `; read \`${contextName}->${field}\` whole and use a part of it` : ''}. The packet itself is reached through data and data_end: \`void *data = (void *)(long)${contextName}->data;\``,
      register,
      access: found,
    };
  }
  const skb = /sched|skb|socket_filter|lwt|flow_dissector/.test(code.type);
  return {
    what,
    mend: skb
      ? access?.write
        ? 'Of struct __sk_buff only mark, priority, tc_index, cb and, at tc, tc_classid, tstamp and queue_mapping are written; for the rest there are helpers (bpf_redirect, bpf_skb_store_bytes, …).'
        : 'Not every type of program reads every field of struct __sk_buff, and each is read by its whole width: take another field or a helper.'
      : `Take a field that the context of type ${code.type} has, by its whole width, at its own offset; see the struct of that name in linux/bpf.h.`,
    register,
    access: found,
  };
}

function arithmetic(
  refusal: Refusal,
  line: string,
  first: string | undefined,
  second: string | undefined,
): Explanation {
  const { text } = refusal;
  const left = /^\([0-9a-f]{2}\) [rw](\d+) /.exec(text ?? '')?.[1];
  const register = first?.startsWith('R') ? first : left && `R${left}`;
  const state = refusal.state(register);
  const type = second ?? (first?.startsWith('R') ? undefined : first) ?? state?.type;
  const name = type === undefined ? 'a pointer' : describeType(type);
  const operator = / ([^\s=]+=) /.exec(text ?? '')?.[1] ?? '';
  if (/^math between|^value -?\d+ makes|pointer offset/.test(line)) {
    const other = / [-+]= r(\d+)$/.exec(text ?? '')?.[1];
    const index = other === undefined ? undefined : refusal.state(`R${other}`);
    const negative = /min value|value -|makes|pointer offset -/.test(line);
    return {
      what: `it moves ${name} by an offset without ${negative ? 'a lower bound' : 'a bound'}${index ? ` (${describeState(index)})` : ''}`,
      mend: `Bound the offset before it is added: make it unsigned and \`offset &= 0x7fff;\`, or \`if (offset > 1500) ${refusal.leave}\`. For a packet, compare the sum with data_end after that.`,
      register: other === undefined ? register : `R${other}`,
    };
  }
  const narrowed = type?.startsWith('pkt') && /(?:<<=|>>=) operator|\d+-bit pointer arithmetic/.test(line);
  const mends = [
    [
      narrowed ? /./ : /^$/,
      `Cast the context's field before anything is computed with it: \`(void *)(long)${refusal.contextName}->data\`, and so for data_end and data_meta. In C they are numbers of 32 bits, and a pointer that is cut to these is one no more.`,
    ],
    [/pkt_end/, 'Move the other side of the comparison: `data + n > data_end` instead of `data > data_end - n`.'],
    [
      / pointer [-+]= pointer /,
      'Add a number to a pointer, never a pointer; the distance of two pointers into the packet is taken by subtracting them.',
    ],
    [/\d+-bit pointer arithmetic/, 'Keep pointers in 64-bit variables (void *, __u64 or long), not in __u32 or int.'],
    [
      /ctx prohibited|map_ptr prohibited|sock\w* prohibited/,
      'Use it as it is: fields of it by name, maps through helpers.',
    ],
  ] as const;
  return {
    what: / pointer [-+]= pointer /.test(line)
      ? `it adds two pointers (${operator})`
      : `it computes with ${name}${operator && ` (${operator})`}, which the verifier allows for none of that kind`,
    mend:
      mends.find(([pattern]) => pattern.test(line))?.[1] ??
      'Only numbers are added to and subtracted from pointers; do other arithmetic with a number (an offset), and add it to the pointer last.',
    register,
  };
}
