/** Refusals of a program's way, size and shape. */
import { callsFunction } from './instruction-text.js';
import type { Explanation, KindOfRefusal } from './kind.js';
import type { Refusal } from './refusal.js';
import { bytes } from './state.js';

export const flowKinds: readonly KindOfRefusal[] = [
  {
    kind: 'infinite-loop',
    patterns: [/^infinite loop detected at insn (\d+)/, /^back-edge from insn (\d+) to (\d+)/],
    explain: (_, refusal, line) => {
      // Linux 6.1 takes a function that calls itself for a loop.
      if (/back-edge/.test(line) && refusal.text !== undefined && callsFunction(refusal.text))
        return recursion(refusal);
      return {
        what: /back-edge/.test(line)
          ? 'it has a loop, and this kernel allows none'
          : 'it has a loop that the verifier comes round without anything having changed, so that it might never end',
        mend: `Count it: \`for (int i = 0; i < 32; i++) { … if (done) break; }\`, with a constant bound and a counter that nothing else writes (not volatile); or bpf_loop, or bpf_for with open-coded iterators.${/back-edge/.test(line) ? ' Before Linux 5.3 `#pragma unroll` is the only way.' : ''}`,
      };
    },
  },
  {
    kind: 'too-complex',
    patterns: [
      /^BPF program is too large. Processed (\d+) insn/,
      /^The sequence of (\d+) jumps is too complex/,
      /^BPF program is too complex/,
      /^too many different pkt pointers|^(?:processed|number of) .*too many/,
    ],
    explain: ([, count], refusal, line) => ({
      what: `it gives the verifier too much to follow: ${/jumps/.test(line) ? `${grouped(count)} jumps` : `it gave up after ${grouped(count ?? '1000000')} instructions`}${hotSpots(refusal)}`,
      mend: 'Let the loop turn less often, or have it followed once: `bpf_loop(count, body, &context, 0)` (Linux 5.17), or bpf_for (6.4); put what branches much into a global function (not static, __noinline), which is verified on its own.',
    }),
  },
  {
    kind: 'unreachable',
    patterns: [/^unreachable insn (\d+)/],
    explain: ([, at]) => ({
      what: `nothing reaches instruction ${at}`,
      mend: 'Delete the code behind the last return or goto (inline assembly, most often; clang leaves none), or jump to it.',
    }),
  },
  {
    kind: 'jump-range',
    patterns: [
      /^jump out of range from insn (\d+) to (-?\d+)/,
      /^jump into the middle of ldimm64 insn (\d+)/,
      /^invalid (?:jump|call) destination/,
    ],
    explain: ([, from, to], { code }, line) => ({
      what:
        to === undefined
          ? `it jumps where no instruction begins (${line})`
          : `instruction ${from} jumps to ${to}, outside of its function`,
      mend: `A jump stays within its function${code.functions.length > 1 ? `, and ${code.functions.length} are in this program` : ''}: use a label of the same assembly, or a call.`,
    }),
  },
  {
    kind: 'no-exit',
    patterns: [/^last insn is not an exit or jmp/, /^no program starts at insn/],
    explain: () => ({
      what: 'a function of it runs on beyond its last instruction',
      mend: 'Let each function end with a return; a function that clang takes to be without an end (undefined behaviour, __builtin_unreachable, naked assembly) loses it.',
    }),
  },
  {
    kind: 'invalid-instruction',
    patterns: [
      /^unknown opcode (\w+)/,
      /^(?:BPF_\w+ uses reserved fields|invalid (?:BPF_LD_IMM|BPF_|bpf_ld_imm64)|invalid .*(?:opcode|insn)|unrecognized bpf_ld_imm64|R\d+ is invalid)/,
      /^invalid BPF_\w+/,
    ],
    explain: ([, code], _refusal, line) => ({
      what:
        code === undefined
          ? `it has an instruction that this kernel refuses as malformed (${line})`
          : `it has an instruction of opcode 0x${code}, which this kernel does not know`,
      mend: 'Compile for an older instruction set: `-mcpu=v3` (Linux 5.12), `-mcpu=v2` (4.14) or `-mcpu=v1`; v4 takes Linux 6.6. Inline assembly and atomic builtins may ask for more than that.',
    }),
  },
  {
    kind: 'packet-instruction',
    patterns: [/^BPF_LD_\[ABS\|IND\] instructions/, /^BPF_LD_\[ABS\|IND\] cannot/],
    explain: (_, { code }) => ({
      what: `it reads the packet by an instruction of classic BPF, which programs of type ${code.type} may not`,
      mend: 'Read through data and data_end, with a check, or by bpf_xdp_load_bytes or bpf_skb_load_bytes.',
    }),
  },
  {
    kind: 'stack-size',
    patterns: [
      /^combined stack size of (\d+) calls is (\d+)\. Too large/,
      /^stack (?:frame size|size) (?:of subprog )?\(?(\d+)\)?.*too large/i,
    ],
    explain: ([, , total], refusal) => ({
      what: `its functions take ${bytes(Number(total ?? 513))} of stack in all, and a program has 512${stackOf(refusal)}`,
      mend: 'Move large local variables into a per-CPU array of one entry, or let the functions not call each other; what a function has on its stack counts for all that it calls.',
    }),
  },
  {
    kind: 'recursion',
    patterns: [/^recursive call/, /^back-edge from insn \d+ to \d+ \(call\)/],
    explain: (_, refusal) => recursion(refusal),
  },
  {
    kind: 'call-depth',
    patterns: [/^the call stack of (\d+) frames is too deep/],
    explain: ([, frames], refusal) => {
      const stack = refusal.callStack;
      if (new Set(stack).size < stack.length) return recursion(refusal);
      const way = stack.length > 2 ? `: ${stack.join(' → ')}` : '';
      return {
        what: `its calls go ${frames} functions deep, and 8 is the most${way}`,
        mend: 'Let some of them be part of their callers: `static __always_inline`; or continue in another program by a tail call.',
      };
    },
  },
  {
    kind: 'program-size',
    patterns: [/^too many (?:subprograms|different maps|maps)/, /^The total number of maps .* has reached the limit/],
    explain: (_, _refusal, line) => ({
      what: `it has more than a program may have (${line})`,
      mend: 'Divide it into several programs, which continue each other by tail calls.',
    }),
  },
];

function grouped(count: string | undefined): string {
  return (count ?? '').replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The lines that the log's end is full of: where the verifier spent itself. */
function hotSpots(refusal: Refusal): string {
  const { log } = refusal;
  const total = [...log.visits.values()].reduce((sum, count) => sum + count, 0);
  const byLine = new Map<number, number>();
  for (const [instruction, count] of log.visits) {
    const line = refusal.lineOf(instruction)?.line;
    if (line !== undefined) byLine.set(line, (byLine.get(line) ?? 0) + count);
  }
  const most = [...byLine].sort(([, left], [, right]) => right - left).slice(0, 3);
  const words = most.map(([line, count]) => `line ${line} (${Math.round((count / total) * 100)} %)`);
  return words.length === 0 ? '' : `, of late mostly in ${words.join(', ')}`;
}

function stackOf({ log, code }: Refusal): string {
  const depths = log.totals?.stack ?? [];
  if (depths.length === 0 || depths.length !== code.functions.length) return '';
  return `: ${code.functions.map(({ name }, at) => `${name} (${bytes(depths[at] ?? 0)})`).join(', ')}`;
}

function recursion(refusal: Refusal): Explanation {
  const name = refusal.functionOf(refusal.instruction) ?? 'a function';
  return {
    kind: 'recursion',
    what: `${name} calls itself, and the verifier follows calls 8 deep only`,
    mend: 'Write it as a loop with a constant bound, or as bpf_loop with a callback.',
  };
}
