/** BPF_PROG_LOAD. */
import type { Btf } from '../btf/btf.js';
import { hostIsLittleEndian } from '../bytes/byte-order.js';
import { UnsupportedFeatureError, XdpkitError } from '../errors/error.js';
import { FileDescriptor } from '../linux/file-descriptor.js';
import { errnos } from '../linux/syscall-error.js';
import { nearTypes } from '../object/core/near-types.js';
import type { LinkedProgram, UnresolvedReference } from '../object/link.js';
import { newerAttachTypes } from '../object/sections.generated.js';
import { attachTypes, commands, programTypes } from '../uapi/bpf.generated.js';
import { diagnose, withoutAnswer } from '../verifier/diagnose.js';
import { readLog } from '../verifier/log.js';
import type { AttachTarget } from './attach-target.js';
import { Attribute, bpf, bpfError } from './bpf.js';
import { kernelFeatures } from './features.js';
import { lockdownCause } from './permission.js';
import { refusedCode } from './refused-code.js';
import { VerifierError } from './verifier-error.js';

export interface ProgramLoadOptions {
  /** Kernel name, `xdp`. */
  readonly type: string;
  /** Whether the kernel is told its name, and what it will be attached to; it is unless false. */
  readonly named?: boolean | undefined;
  readonly attachTyped?: boolean | undefined;
  /** Kernel name, `xdp_devmap`; the type's own when undefined. */
  readonly attachType?: string | undefined;
  /** What it is for, by name, as its section says. */
  readonly attachTo?: string | undefined;
  /** What it is for, as the kernel takes it, where the verifier must know. */
  readonly target?: AttachTarget | undefined;
  readonly frags?: boolean | undefined;
  readonly sleepable?: boolean | undefined;
  readonly license: string;
  readonly kernelVersion?: number | undefined;
  readonly btf?: Btf | undefined;
  readonly btfFd?: number | undefined;
  /** Why the kernel took no BTF of the object. */
  readonly btfRefusal?: XdpkitError | undefined;
  /** The device that runs the program itself (offload). */
  readonly ifindex?: number | undefined;
  /** Has the verifier talk about a program that it accepts, too. */
  readonly verifierLog?: VerifierLogWish | undefined;
  /** The descriptor of a map by its name in the object. */
  readonly mapFd: (name: string) => number;
  /** The descriptor of the BTF of a kernel module whose functions or variables the code refers to. */
  readonly moduleFd?: ((module: string) => number) | undefined;
  /** The types that relocations were answered from, read again: asked only to tell what a type that is missing may be. */
  readonly targetTypes?: (() => Btf) | undefined;
}

export interface VerifierLogWish {
  /** Totals only, or every instruction on every way with all that is known there: megabytes, cut at 16. */
  readonly level: 'totals' | 'everything';
  take(program: string, log: string): void;
}

const flagSleepable = 1 << 4;
const flagXdpFrags = 1 << 5;
const sizes = { instruction: 8, functionInfo: 8, lineInfo: 16 } as const;
const longestLog = 16 * 1024 * 1024;
/** `bpf_attr.log_level`: the way to the refusal (1), every way (2), time and the stack of each function (4). */
const logLevels = { refusal: 1 | 4, everything: 2 | 4, totals: 4 } as const;

/** Loads a linked program. Errors: `VerifierError`, `NOT_PERMITTED` with its cause. */
export function loadProgram(linked: LinkedProgram, options: ProgramLoadOptions): FileDescriptor {
  const code = fillDescriptors(linked, options);
  const heard = options.verifierLog && hear(linked, code, options, options.verifierLog);
  // A log that does not fit is cut, and the program not loaded for it; then it is loaded without one.
  const plain =
    heard === undefined || -heard === errnos.ENOSPC ? askVerifier(loadAttribute(linked, code, options)) : heard;
  if (plain >= 0) return new FileDescriptor(plain, `program "${linked.name}"`);
  if (-plain === errnos.EAGAIN) {
    throw bpfError(`load program "${linked.name}" (${options.type})`, -plain, {
      said: 'signals broke off the verifier again and again',
      hint: 'A profiler sends them, or a timer: load without it, or let it tick less often.',
    });
  }
  // A log costs time on every load, so it is only asked for once the program is known to be refused.
  const { result, log } = loadWithLog(linked, code, options, logLevels.refusal);
  if (result >= 0) return new FileDescriptor(result, `program "${linked.name}"`);
  throw refusal(linked, options, -plain, log);
}

function hear(linked: LinkedProgram, code: FilledCode, options: ProgramLoadOptions, wish: VerifierLogWish): number {
  const { result, log } = loadWithLog(linked, code, options, logLevels[wish.level]);
  wish.take(linked.name, log);
  return result;
}

/** Some tenths of a second in all, with signals as fast as profilers send them. */
const mostAttempts = 100;

/** The verifier breaks off with EAGAIN when a signal waits for the thread (a profiler's timer): it is asked again. */
function askVerifier(attribute: Attribute): number {
  let result = bpf(commands.prog_load, attribute);
  for (let attempt = 1; -result === errnos.EAGAIN && attempt < mostAttempts; attempt += 1) {
    result = bpf(commands.prog_load, attribute);
  }
  return result;
}

function fillDescriptors(linked: LinkedProgram, { mapFd, moduleFd }: ProgramLoadOptions): FilledCode {
  const code = linked.code.slice();
  const view = new DataView(code.buffer);
  const write = (at: number, value: number) => view.setInt32(at * sizes.instruction + 4, value, hostIsLittleEndian);
  for (const { at, map } of linked.maps) write(at, mapFd(map));
  // Index 0 means the kernel itself.
  const modules = [0];
  const indexes = new Map<string, number>();
  for (const { at, module, call } of linked.modules) {
    const fd = moduleFd?.(module) ?? 0;
    if (!call) {
      write(at + 1, fd);
      continue;
    }
    const index = indexes.get(module) ?? modules.push(fd) - 1;
    indexes.set(module, index);
    view.setInt16(at * sizes.instruction + 2, index, hostIsLittleEndian);
  }
  return { code, modules: new Uint8Array(Int32Array.from(modules).buffer) };
}

interface FilledCode {
  readonly code: Uint8Array;
  /** Descriptors of 4 bytes, by the indexes that calls hold. */
  readonly modules: Uint8Array;
}

function loadAttribute(linked: LinkedProgram, { code, modules }: FilledCode, options: ProgramLoadOptions): Attribute {
  const type = numberOf(programTypes, options.type, 'program type', linked.name);
  const attachType =
    options.attachTyped === false ? undefined : (options.attachType ?? defaultAttachTypes[options.type]);
  // prog_type 0, insn_cnt 4, insns 8, license 16, log_level 24, log_size 28, log_buf 32, kern_version 40,
  // prog_flags 44, prog_name 48, prog_ifindex 64, expected_attach_type 68, prog_btf_fd 72, func_info_rec_size 76,
  // func_info 80, func_info_cnt 88, line_info_rec_size 92, line_info 96, line_info_cnt 104, attach_btf_id 108,
  // attach_prog_fd 112, fd_array 120
  const attribute = new Attribute(128)
    .u32(0, type)
    .u32(4, code.length / sizes.instruction)
    .pointer(8, code)
    .path(16, options.license)
    .u32(40, options.kernelVersion ?? 0)
    .u32(44, (options.sleepable ? flagSleepable : 0) | (options.frags ? flagXdpFrags : 0))
    .name(48, options.named === false ? '' : linked.name)
    .u32(64, options.ifindex ?? 0)
    .u32(
      68,
      attachType === undefined
        ? 0
        : numberOf({ ...attachTypes, ...newerAttachTypes }, attachType, 'attach type', linked.name),
    )
    .u32(108, options.target?.btfId ?? 0)
    .u32(112, options.target?.fd ?? 0);
  if (linked.modules.some(({ call }) => call)) attribute.pointer(120, modules);
  if (options.btfFd === undefined || linked.functionInfo.length === 0) return attribute;
  attribute
    .u32(72, options.btfFd)
    .u32(76, sizes.functionInfo)
    .pointer(80, linked.functionInfo)
    .u32(88, linked.functionInfo.length / sizes.functionInfo);
  if (linked.lineInfo.length > 0) {
    attribute
      .u32(92, sizes.lineInfo)
      .pointer(96, linked.lineInfo)
      .u32(104, linked.lineInfo.length / sizes.lineInfo);
  }
  return attribute;
}

/** XDP links ask for the attach type that the program was loaded with. */
const defaultAttachTypes: Readonly<Record<string, string>> = { xdp: 'xdp' };

function numberOf(table: Readonly<Record<string, number>>, name: string, what: string, program: string): number {
  const number = table[name];
  if (number === undefined) {
    throw new XdpkitError('USAGE', `program "${program}": there is no ${what} "${name}"`, {
      hint: `There are ${Object.keys(table).join(', ')}.`,
    });
  }
  return number;
}

function loadWithLog(
  linked: LinkedProgram,
  code: FilledCode,
  options: ProgramLoadOptions,
  level: number,
): { result: number; log: string } {
  for (let size = level === logLevels.everything ? longestLog : 1024 * 1024; ; size *= 4) {
    const buffer = new Uint8Array(new ArrayBuffer(size));
    const attribute = loadAttribute(linked, code, options).u32(24, level).u32(28, size).pointer(32, buffer);
    const result = askVerifier(attribute);
    const end = buffer.indexOf(0);
    const log = Buffer.from(buffer.subarray(0, end === -1 ? size : end)).toString('utf8');
    // Since 6.4 a log that is too long loses its beginning, before that its end, where the reason stands.
    const hasEnd = /\nprocessed \d+ insns.*\n$/.test(log);
    if (-result !== errnos.ENOSPC || hasEnd) return { result, log };
    if (size < longestLog) continue;
    if (level !== logLevels.refusal) return { result, log };
    // Without the way to it the reason fits in any case.
    const short = loadWithLog(linked, code, options, logLevels.totals);
    return { result: short.result, log: `${log}\n${short.log}` };
  }
}

/** `kernel/bpf/syscall.c`, is_perfmon_prog_type. */
const tracingTypes: ReadonlySet<string> = new Set([
  'kprobe',
  'tracepoint',
  'perf_event',
  'raw_tracepoint',
  'raw_tracepoint_writable',
  'tracing',
  'lsm',
  'struct_ops',
  'ext',
]);

/** Attach types that the kernel runs through a trampoline, as it does all of the types `ext` and `lsm`. */
const trampolined: ReadonlySet<string | undefined> = new Set([
  'trace_fentry',
  'trace_fexit',
  'modify_return',
  'trace_fsession',
]);

/** Undefined where trampolines are not the cause. */
function withoutTrampolines(
  linked: LinkedProgram,
  { type, attachType, attachTo }: ProgramLoadOptions,
): XdpkitError | undefined {
  if (type !== 'ext' && type !== 'lsm' && !trampolined.has(attachType)) return undefined;
  const { trampolines } = kernelFeatures;
  const state = trampolines.probe();
  if (state.available || state.because === 'privileges') return undefined;
  const aim = type === 'ext' ? 'replaces' : 'hooks';
  return new UnsupportedFeatureError(
    trampolines.name,
    `program "${linked.name}" ${aim} ${attachTo ?? 'a function'} by a BPF trampoline, which this kernel does not allow: ${state.reason}`,
    {
      hint:
        type === 'ext'
          ? 'Link the function into the program itself, as a sub-program: that needs no trampoline.'
          : 'Tracepoints (SEC("tp_btf/…"), SEC("raw_tp/…")) and kprobes need no trampoline.',
    },
  );
}

function refusal(linked: LinkedProgram, options: ProgramLoadOptions, number: number, log: string): XdpkitError {
  const unsupported = number === errnos.EPERM && log.trim() === '' ? withoutTrampolines(linked, options) : undefined;
  if (unsupported) return unsupported;
  const { attachType = '' } = options;
  if (number === errnos.EINVAL && attachType in newerAttachTypes) {
    const words = `program "${linked.name}" is of a kind (${attachType}) that is newer than this kernel`;
    return new UnsupportedFeatureError(attachType, words);
  }
  const cause = bpfError(`load program "${linked.name}" (${options.type})`, number, {
    log: log || undefined,
    needs: tracingTypes.has(options.type) ? ['bpf', 'perfmon'] : undefined,
  });
  const { reasons, report, totals } = readLog(log);
  if (number === errnos.EINVAL && reasons.length === 0 && report === undefined && totals !== undefined) {
    return bpfError(`load program "${linked.name}" (${options.type}), which the verifier accepts`, number, {
      log,
      hint: otherPrograms,
    });
  }
  // Without a word of the verifier it was refused before it was looked at: for want of a privilege, or its header.
  if (log.trim() === '') return cause;
  const diagnosis = diagnose(log, refusedCode(linked, options));
  const unresolved = unresolvedAt(linked, diagnosis.instruction);
  if (unresolved) {
    const problem = unresolved.problem + nearWords(unresolved, options);
    return new VerifierError(withoutAnswer(diagnosis, { ...unresolved, problem }), log, cause);
  }
  const untyped =
    options.btfRefusal && `It was loaded without types, as the kernel refused to ${options.btfRefusal.message}.`;
  const mend = [lockdownCause(log) ?? diagnosis.mend, untyped].filter(Boolean).join(' ') || undefined;
  return new VerifierError({ ...diagnosis, mend }, log, cause);
}

/** `kernel/bpf/core.c`, bpf_check_tail_call: what the kernel looks at once the verifier is done. */
const otherPrograms =
  'If it jumps through a program array that was there before, that belongs to programs of another sort: of another type, with SEC("xdp.frags") or without, or run by the JIT where this one is not. Give it an array of its own.';

/** What CO-RE found no answer for: the verifier only sees a call of a helper that does not exist. */
function unresolvedAt({ unresolved }: LinkedProgram, instruction: number | undefined) {
  return unresolved.find(({ at }) => at === instruction);
}

/** " (it has struct xdp_md_old)" */
function nearWords({ missing }: UnresolvedReference, { targetTypes }: ProgramLoadOptions): string {
  const near = missing && targetTypes ? nearTypes(targetTypes(), missing) : [];
  return near.length === 0 ? '' : ` (it has ${near.join(', ')})`;
}
