import type { Btf } from '../../btf/btf.js';
import { defineCommand } from '../command.js';

const formats = ['raw', 'json', 'c', 'typescript'] as const;
type Format = (typeof formats)[number];
type Flags = { readonly format: Format; readonly type?: readonly string[]; readonly base?: string };

export const btfDump = defineCommand<Flags, [source?: string]>({
  brief: 'Print types: as C (vmlinux.h), as TypeScript, or as they are stored',
  description: [
    'Print types: as C (vmlinux.h), as TypeScript, or as they are stored.',
    '',
    'SOURCE is an object, a kernel (vmlinux) or a file of raw BTF; id:N for a BTF object of the kernel, prog:N or map:N',
    "for a program's or map's (an id, a pin or a name); or `kernel`, the running one, which is meant when none is given.",
  ].join('\n'),
  parameters: {
    flags: {
      format: {
        kind: 'enum',
        values: formats,
        default: 'raw',
        brief: "raw, json: bpftool's; c: a header; typescript: values",
      },
      type: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: true,
        placeholder: 'NAME',
        brief: 'Only this type of C, and what it needs',
      },
      base: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'SOURCE',
        brief: "What a module's types go on with: `kernel`",
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Where the types are', parse: String, placeholder: 'SOURCE', optional: true }],
    },
  },
  async run({ flags, output }, source = 'kernel') {
    const { findBtf } = await import('../../kernel/find-btf.js');
    const { format } = flags;
    const btf = findBtf(source, flags.base === undefined ? undefined : findBtf(flags.base));
    const { typesNamed } = await import('../type-names.js');
    const named = flags.type === undefined ? undefined : typesNamed(btf, flags.type);
    if (format === 'raw' || format === 'json') {
      const { rawLines, rawType } = await import('../../btf/raw.js');
      const { ownTypes, typesNeededBy } = await import('../../btf/needed.js');
      const ids = named === undefined ? ownTypes(btf) : typesNeededBy(btf, named);
      const rows = function* () {
        for (const id of ids) yield rawType(btf, id);
      };
      const lines = function* () {
        for (const id of ids) yield* rawLines(btf, id);
      };
      if (format === 'json' && !output.json) {
        const { toJson } = await import('../json.js');
        output.print(toJson({ types: [...rows()] }));
      } else await output.lines(lines());
      await output.documentWith({}, 'types', rows());
      return undefined;
    }
    const text = format === 'c' ? await header(btf, named) : await typescript(btf, named);
    await output.lines(text.trimEnd().split('\n'));
    output.document({ source, format, text });
    return undefined;
  },
});

async function header(btf: Btf, types: readonly number[] | undefined): Promise<string> {
  const { writeCHeader } = await import('../../btf/c/header.js');
  return writeCHeader(btf, types === undefined ? {} : { types });
}

async function typescript(btf: Btf, types: readonly number[] | undefined): Promise<string> {
  const { writeTypeScript } = await import('../../btf/typescript/declarations.js');
  return writeTypeScript(btf, types);
}
