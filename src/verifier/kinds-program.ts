/** Refusals of what a program returns, is attached to, and says about its types. */
import type { KindOfRefusal } from './kind.js';
import { describeState } from './state.js';

export const programKinds: readonly KindOfRefusal[] = [
  {
    kind: 'return-value',
    patterns: [
      /^At (program exit|callback return|async callback return|subprogram exit) the register (R\d+) (?:has (.*?)|is not a known value \((.*)\)) should have been in (.*)/,
      /^At (program exit|callback return|async callback return|subprogram exit) the register (R\d+) (?:has (.*?)|is not a known value \((.*)\))$/,
    ],
    explain: ([, where, register, has, type, range], refusal) => {
      const state = refusal.state(register);
      const exact = /smin=(-?\d+) smax=(-?\d+)/.exec(has ?? '');
      const value =
        exact && exact[1] === exact[2]
          ? `the number ${exact[1]}`
          : exact
            ? `a number from ${exact[1]} to ${exact[2]}`
            : type !== undefined
              ? `a pointer (${type})`
              : state
                ? describeState(state)
                : (has ?? 'something else');
      const allowed = /\[(-?\d+), (-?\d+)\]/.exec(range ?? '') ?? knownBits(range ?? '');
      const words = allowed
        ? allowed[1] === allowed[2]
          ? `${allowed[1]}`
          : `a number from ${allowed[1]} to ${allowed[2]}`
        : (range ?? 'a number');
      const who =
        where === 'program exit'
          ? 'it returns'
          : where === 'subprogram exit'
            ? 'a function of it returns'
            : 'its callback returns';
      return {
        what: `${who} ${value}, where ${words} is wanted`,
        mend: `Return ${words} on every way${allowed && allowed[1] !== allowed[2] ? `, as by \`if (result < ${allowed[1]} || result > ${allowed[2]}) return ${allowed[1]};\`` : ''}.`,
        register,
      };
    },
  },
  {
    kind: 'global-function',
    patterns: [
      /^Global function (\w+)\(\) (.*)/,
      /^Caller passes invalid args into func#\d+ \('(\w+)'\)/,
      /^func '(\w+)' arg(\d+) (.*)/,
      /^Func#\d+ \('(\w+)'\) .*(?:invalid|not)/,
    ],
    explain: ([, name], _refusal, line) => ({
      what: `its global function ${name} is not one that can be verified on its own (${line})`,
      mend: `Make ${name} \`static\`, so that it is verified with its callers; a global function takes numbers, the context and pointers to types of known size, and returns a number.`,
    }),
  },
  {
    kind: 'attach-target',
    patterns: [
      /attach_btf_id|btf_id .*(?:invalid|not)|must provide btf_id|Tracing programs must provide|^Cannot (?:find|attach)|^FENTRY\/FEXIT program can only be attached|is not modifiable|doesn't have attach/i,
    ],
    explain: (_, { code }, line) => ({
      what: `it is a program of type ${code.type}, and what it is to be attached to is missing or does not fit (${line})`,
      mend: 'Name a function of the kernel, or of the target program, that exists there in the section: SEC("fentry/NAME"); `xdpkit doctor` tells whether the kernel has types and trampolines.',
    }),
  },
  {
    kind: 'btf-mismatch',
    patterns: [
      /^func_info|^nonzero insn_off|^missing btf func_info|func_info BTF section|^(?:line_info|Invalid line_info|missing bpf_line_info|Invalid BTF|func_info\[)/,
      /^(?:same insn_off|insn_off|subprog)\b.*(?:func_info|line_info)/i,
    ],
    explain: (_, _refusal, line) => ({
      what: `what its BTF says about functions or lines does not fit its code (${line})`,
      mend: 'Compile it anew with -g, and do not strip or change the object after that; without BTF (`llvm-strip -g`, no maps in ".maps") it loads as well, but tells no lines.',
    }),
  },
  {
    kind: 'privilege',
    patterns: [
      /(?:prohibited|not allowed|only allowed|not supported) (?:for|to) (?:!root|!?(?:CAP_\w+|non-root|unprivileged)|root)|allowed for CAP_BPF|kernel subsystem misconfigured/i,
    ],
    explain: (_, _refusal, line) => ({
      what: `it does what takes more privileges than the process has (${line})`,
      mend: 'Load it with CAP_BPF and CAP_PERFMON (XDP: CAP_NET_ADMIN too), or as root.',
    }),
  },
];

/** A range as Linux 6.1 tells it, `(0x0; 0x3)`: the bits that are 1, and those that may be. Shaped as a match of a range. */
function knownBits(range: string): readonly string[] | undefined {
  const [, value, mask] = /^\((0x[\da-f]+); (0x[\da-f]+)\)/.exec(range) ?? [];
  if (value === undefined || mask === undefined) return undefined;
  return [range, String(BigInt(value)), String(BigInt(value) | BigInt(mask))];
}
