/** What libbpf makes of an object's CO-RE relocations, called in this process, so that no compiler is needed. */
import koffi from 'koffi';
import { instructionSize } from '../../asm/opcodes.js';

const libbpf = koffi.load('libbpf.so.1');
const openFile = libbpf.func('void *bpf_object__open_file(const char *path, const void *options)');
const load = libbpf.func('int bpf_object__load(void *object)');
const close = libbpf.func('void bpf_object__close(void *object)');
const nextProgram = libbpf.func('void *bpf_object__next_program(const void *object, void *program)');
const programName = libbpf.func('str bpf_program__name(const void *program)');
const setType = libbpf.func('int bpf_program__set_type(void *program, int type)');
const setAutoload = libbpf.func('int bpf_program__set_autoload(void *program, bool autoload)');
const instructionCount = libbpf.func('size_t bpf_program__insn_cnt(const void *program)');
const instructions = libbpf.func('void *bpf_program__insns(const void *program)');
const printer = koffi.proto('int libbpf_print(int level, const char *format, void *arguments)');
const setPrint = libbpf.func('void *libbpf_set_print(libbpf_print *print)');

const typeSocketFilter = 1;

const complaints: string[] = [];
setPrint(
  koffi.register((_level: number, format: string) => {
    complaints.push(format);
    return 0;
  }, koffi.pointer(printer)),
);

/**
 * The code of a program as libbpf hands it to the kernel (which may refuse it), relocated against the BTF in a file (raw
 * or in an ELF object), the running kernel's unless given; undefined where libbpf refuses to relocate it.
 */
export function relocateByLibbpf(objectPath: string, wanted: string, targetPath?: string): Uint8Array | undefined {
  // struct bpf_object_open_opts: sz 0, object_name 8, relaxed_maps 16, pin_root_path 24, kconfig 40, btf_custom_path 48
  const options = new BigUint64Array(7);
  options[0] = BigInt(options.byteLength);
  const path = Buffer.from(`${targetPath ?? ''}\0`);
  if (targetPath !== undefined) options[6] = BigInt(koffi.address(path));
  complaints.length = 0;
  const object = openFile(objectPath, options);
  if (!object) throw new Error(`libbpf cannot open ${objectPath}: ${complaints.join('; ')}`);
  try {
    let chosen: unknown;
    for (let program = nextProgram(object, null); program; program = nextProgram(object, program)) {
      const isWanted = programName(program) === wanted;
      if (isWanted) chosen = program;
      setAutoload(program, isWanted);
      // Whatever the section says: relocating needs no hook, and no attach target.
      setType(program, typeSocketFilter);
    }
    if (!chosen) throw new Error(`libbpf finds no program ${wanted} in ${objectPath}`);
    load(object);
    if (complaints.some((format) => format.includes('failed to perform CO-RE relocations'))) return undefined;
    const length = Number(instructionCount(chosen)) * instructionSize;
    return new Uint8Array(koffi.view(instructions(chosen), length)).slice();
  } finally {
    close(object);
  }
}
