import { defineCommand } from '../command.js';

type Flags = { readonly output: string; readonly from: string };

export const btfMin = defineCommand<Flags, [object: string, ...others: string[]]>({
  brief: 'Write the part of a kernel’s types that objects need, to carry along to kernels that tell none',
  description: [
    'Write the part of a kernel’s types that the CO-RE relocations of objects ask for: some hundred bytes, which make the',
    'objects load on kernels of that very build that do not tell their types (`kernelBtf` of the library, or libbpf’s',
    'btf_custom_path). --from is an object with types, a file of raw BTF, `kernel` for the running one, or what else',
    '`xdpkit btf dump` takes.',
  ].join('\n'),
  parameters: {
    flags: {
      output: { kind: 'parsed', parse: String, placeholder: 'FILE', brief: 'The file of raw BTF to write' },
      from: {
        kind: 'parsed',
        parse: String,
        default: 'kernel',
        placeholder: 'SOURCE',
        brief: 'The kernel whose types are asked',
      },
    },
    aliases: { o: 'output' },
    positional: {
      kind: 'array',
      minimum: 1,
      parameter: { brief: 'Object files', parse: String, placeholder: 'OBJECT' },
    },
  },
  async run({ flags, output }, ...paths) {
    const { findBtf } = await import('../../kernel/find-btf.js');
    const { ModuleTypes } = await import('../../kernel/module-btf.js');
    const { openObject } = await import('../../loader/open.js');
    const { minimizeBtf } = await import('../../object/core/minimal.js');
    const { writeOutputFile } = await import('../write-output-file.js');
    const { from, output: file } = flags;
    const specs = (await Promise.all(paths.map((path) => openObject(path)))).map(({ spec }) => spec);
    const btf = findBtf(from);
    using modules = new ModuleTypes();
    const { bytes, types, members, idsAsked } = minimizeBtf(specs, {
      btf,
      modules: from === 'kernel' ? () => modules.list(btf) : undefined,
    });
    writeOutputFile(file, bytes);
    output.note(`wrote ${file}: ${types} types with ${members} members, ${bytes.length} bytes`);
    if (types === 0) output.note('no relocation asks for a type of the kernel: the objects load without the file');
    for (const asked of idsAsked)
      output.warn(`${asked}, which is another one here: load it with the kernel's own types`);
    output.document({ file, from, objects: paths, types, members, bytes: bytes.length, idsAsked });
    return undefined;
  },
});
