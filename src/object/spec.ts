/**
 * What an object file of BPF code holds, as plain data that no kernel has seen. Reading the same bytes gives the same
 * spec on every machine; a spec may be changed before it is loaded.
 */
import type { Btf } from '../btf/btf.js';
import type { TypeId } from '../btf/types.js';

export interface ObjectSpec {
  /** The file's name without folder and endings; the kernel's names of the data maps begin with it. */
  readonly name: string;
  readonly byteOrder: 'little' | 'big';
  /** Contents of the `license` section; empty where it is absent (the kernel then hides GPL-only helpers). */
  readonly license: string;
  /** Contents of the `version` section, which kernels before 5.0 ask for on kprobes. */
  readonly kernelVersion: number;
  readonly programs: readonly ProgramSpec[];
  /** Every function of the object, programs' own included; references point into this list. */
  readonly functions: readonly FunctionSpec[];
  readonly maps: readonly MapSpec[];
  /** Global variables of `.rodata`, `.data` and `.bss` sections, in the order of their maps. */
  readonly globals: readonly GlobalSpec[];
  /** What reading left aside: fields of old-style maps that only another loader has a use for. */
  readonly remarks: readonly Remark[];
  /** What the object leaves to the running kernel (`__ksym`, `__kconfig`), by the order of their symbols. */
  readonly externs: readonly ExternSpec[];
  /** Ready for the kernel: its sections (`.maps`, `.data`, …) have their sizes and offsets, which clang leaves out. */
  readonly btf: Btf | undefined;
}

/** Both are parts of a sentence: `map "a" is not pinned`, `its loader was to do that in a way of its own (2)`. */
export interface Remark {
  readonly what: string;
  readonly why: string;
}

export interface ProgramSpec {
  /** The C function's name in full (the kernel cuts it at 15 bytes). */
  readonly name: string;
  /** The ELF section as written in `SEC("…")`. */
  readonly section: string;
  /** Index of its code in `ObjectSpec.functions`. */
  readonly function: number;
  /** From the section name; undefined when the name is none that is known. Kernel names, `xdp`, `sched_cls`, … */
  readonly type: string | undefined;
  /** Kernel names: `xdp`, `xdp_devmap`, `xdp_cpumap`, …; undefined when the type has none. */
  readonly attachType: string | undefined;
  /** What its section says after the slash: a function, `category/tracepoint`, a hook, or for `freplace` a function. */
  readonly attachTo: string | undefined;
  /** `xdp.frags`: the program handles packets in several buffers. */
  readonly frags: boolean;
  readonly sleepable: boolean;
}

export interface FunctionSpec {
  readonly name: string;
  readonly section: string;
  /** Bytes from the start of its section. */
  readonly offset: number;
  /** Instructions of 8 bytes in the object's byte order, unlinked. */
  readonly code: Uint8Array;
  readonly references: readonly Reference[];
  /** BTF id of the function, where the object has function information. */
  readonly typeId: TypeId | undefined;
  readonly lines: readonly LineInfo[];
  readonly coreRelocations: readonly CoreRelocation[];
}

/** A place in a function's code that is only known at load. `at` counts instructions from the function's start. */
export type Reference =
  | { readonly kind: 'call' | 'function-address'; readonly at: number; readonly function: number }
  | { readonly kind: 'map'; readonly at: number; readonly map: string }
  | { readonly kind: 'map-value'; readonly at: number; readonly map: string; readonly offset: number }
  | { readonly kind: 'extern'; readonly at: number; readonly name: string };

/**
 * A name without a definition. A `weak` one may be absent: it is zero then. A setting's value is in a map, so that code
 * refers to it as to any variable; to all others code refers by name.
 */
export type ExternSpec = { readonly name: string; readonly weak: boolean } & (
  | ({ readonly kind: 'setting'; readonly map: string } & SettingShape)
  /** `extern … __ksym` of a function: its prototype. The name may have a flavour (`name___old`). */
  | { readonly kind: 'function'; readonly type: TypeId }
  /** `extern const struct rq runqueues __ksym`: a variable that the kernel's BTF knows. */
  | { readonly kind: 'variable'; readonly type: TypeId }
  /** `extern const void name __ksym`: an address. */
  | { readonly kind: 'symbol' }
  /** Declared in neither of the two ways. */
  | { readonly kind: 'undeclared' }
);

export interface SettingShape {
  /** `char` takes `y`, `n` and `m` as well as numbers. */
  readonly shape: 'bool' | 'tristate' | 'char' | 'integer' | 'text';
  /** Bytes from the start of the map's value. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly signed: boolean;
  readonly type: TypeId;
}

export interface LineInfo {
  /** Instruction, counted from the function's start. */
  readonly at: number;
  /** Offsets into the BTF's strings. */
  readonly fileNameOffset: number;
  readonly lineOffset: number;
  /** Line << 10 | column, as the kernel takes it. */
  readonly lineColumn: number;
}

/** Not applied yet; `kind` is the number of `enum bpf_core_relo_kind`. */
export interface CoreRelocation {
  readonly at: number;
  readonly type: TypeId;
  readonly accessString: string;
  readonly kind: number;
}

export interface MapSpec {
  /** In full; the kernel cuts it at 15 bytes. */
  readonly name: string;
  /** What the kernel shows in the place of `name`, where a linker step had to find another for that. */
  readonly kernelName?: string | undefined;
  /**
   * Where its definition stood: BTF (`.maps`), an old-style section (`maps`), a struct of functions for the kernel to call
   * (`.struct_ops`), or made for a data section.
   */
  readonly origin: 'btf' | 'legacy' | 'struct-ops' | 'data';
  /** Kernel names without prefix: `array`, `percpu_array`, `lpm_trie`, …; `type 99` for one not known here. */
  readonly type: string;
  readonly typeNumber: number;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes; of one CPU's value for per-CPU maps. */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* of map creation. */
  readonly flags: number;
  /** `by-name`: pinned under, and taken from, the pin folder (LIBBPF_PIN_BY_NAME). */
  readonly pinning: 'none' | 'by-name';
  readonly numaNode: number | undefined;
  readonly mapExtra: bigint;
  readonly keyType: TypeId | undefined;
  readonly valueType: TypeId | undefined;
  /** The shape of inner maps, for maps of maps. */
  readonly inner: MapSpec | undefined;
  /**
   * What its definition fills it with (`.values = { [0] = &inner_a }`): other maps, or programs, of the object; for
   * struct_ops the programs by the number of the struct's member.
   */
  readonly contents: readonly SlotSpec[];
  /** Contents of a data section (`.rodata`, `.data`; zeroes for `.bss`), of a struct of functions, or of an arena. */
  readonly initialValue: Uint8Array | undefined;
  /** Frozen after its contents are written, as `.rodata` is. */
  readonly readOnly: boolean;
}

/** A map or a program of the object, by name, that an entry of a map of maps or of a program array holds from the start. */
export type SlotSpec =
  | { readonly index: number; readonly map: string }
  | { readonly index: number; readonly program: string };

/** A global variable: `size` bytes at `offset` of the single value of `map`. */
export interface GlobalSpec {
  readonly name: string;
  readonly map: string;
  readonly offset: number;
  readonly size: number;
  readonly type: TypeId | undefined;
  readonly constant: boolean;
}
