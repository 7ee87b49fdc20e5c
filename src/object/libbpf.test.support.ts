/** What libbpf makes of objects and section names, called in this process, so that no compiler is needed. */
import koffi from 'koffi';

const libbpf = koffi.load('libbpf.so.1');
const typeByName = libbpf.func(
  'int libbpf_prog_type_by_name(const char *name, _Out_ int *type, _Out_ int *attachType)',
);
const openFile = libbpf.func('void *bpf_object__open_file(const char *path, const void *options)');
const close = libbpf.func('void bpf_object__close(void *object)');
const load = libbpf.func('int bpf_object__load(void *object)');
const setAutoload = libbpf.func('int bpf_program__set_autoload(void *program, bool autoload)');
const nextProgram = libbpf.func('void *bpf_object__next_program(const void *object, void *program)');
const programName = libbpf.func('str bpf_program__name(const void *program)');
const programSection = libbpf.func('str bpf_program__section_name(const void *program)');
const programType = libbpf.func('int bpf_program__type(const void *program)');
const programAttachType = libbpf.func('int bpf_program__expected_attach_type(const void *program)');
const instructionCount = libbpf.func('size_t bpf_program__insn_cnt(const void *program)');
const nextMap = libbpf.func('void *bpf_object__next_map(const void *object, const void *map)');
const mapName = libbpf.func('str bpf_map__name(const void *map)');
const mapType = libbpf.func('int bpf_map__type(const void *map)');
const mapKeySize = libbpf.func('uint32_t bpf_map__key_size(const void *map)');
const mapValueSize = libbpf.func('uint32_t bpf_map__value_size(const void *map)');
const mapEntries = libbpf.func('uint32_t bpf_map__max_entries(const void *map)');
const setPrint = libbpf.func('void *libbpf_set_print(void *print)');
setPrint(null);

/** Numbers of `enum bpf_prog_type` and `enum bpf_attach_type`; undefined for a name that libbpf has no table entry for. */
export function kindByLibbpf(section: string): { readonly type: number; readonly attachType: number } | undefined {
  const [type, attachType] = [[0], [0]] as [[number], [number]];
  return typeByName(section, type, attachType) === 0 ? { type: type[0], attachType: attachType[0] } : undefined;
}

export interface OpenedByLibbpf {
  readonly programs: readonly {
    readonly name: string;
    readonly section: string;
    readonly type: number;
    readonly attachType: number;
    /** Without the sub-programs, which libbpf appends at load. */
    readonly instructions: number;
  }[];
  readonly maps: readonly {
    readonly name: string;
    readonly type: number;
    readonly keySize: number;
    readonly valueSize: number;
    readonly maxEntries: number;
  }[];
}

/** Undefined where libbpf refuses to open the file. */
export function openByLibbpf(path: string): OpenedByLibbpf | undefined {
  const object = openFile(path, null);
  if (!object) return undefined;
  try {
    const programs: OpenedByLibbpf['programs'][number][] = [];
    for (let each = nextProgram(object, null); each; each = nextProgram(object, each)) {
      programs.push({
        name: programName(each),
        section: programSection(each),
        type: programType(each),
        attachType: programAttachType(each),
        instructions: Number(instructionCount(each)),
      });
    }
    const maps: OpenedByLibbpf['maps'][number][] = [];
    for (let each = nextMap(object, null); each; each = nextMap(object, each)) {
      maps.push({
        name: mapName(each),
        type: mapType(each),
        keySize: mapKeySize(each),
        valueSize: mapValueSize(each),
        maxEntries: mapEntries(each),
      });
    }
    return { programs, maps };
  } finally {
    close(object);
  }
}

/** Whether libbpf loads one program of a file, and nothing else of it; maps that ask for it are pinned in `pinFolder`. */
export function isLoadedByLibbpf(path: string, wanted: string, pinFolder: string): boolean {
  // struct bpf_object_open_opts: sz 0, object_name 8, relaxed_maps 16, pin_root_path 24
  const options = new BigUint64Array(7);
  const folder = Buffer.from(`${pinFolder}\0`);
  options[0] = BigInt(options.byteLength);
  options[3] = BigInt(koffi.address(folder));
  const object = openFile(path, options);
  if (!object) return false;
  try {
    for (let each = nextProgram(object, null); each; each = nextProgram(object, each)) {
      setAutoload(each, programName(each) === wanted);
    }
    return load(object) === 0;
  } finally {
    close(object);
  }
}
