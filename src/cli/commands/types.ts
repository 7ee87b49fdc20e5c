import { defineCommand } from '../command.js';

type Flags = { readonly output?: string; readonly embed?: boolean; readonly type?: readonly string[] };

export const types = defineCommand<Flags, [object: string]>({
  brief: 'Write a TypeScript module for an object: its types, and a function that opens it with them',
  description: [
    'Write a TypeScript module for an object: types of its maps, global variables and programs, and a function that opens',
    'it with them. The module finds the object beside itself, where it is now, or carries it along (--embed).',
  ].join('\n'),
  parameters: {
    flags: {
      output: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'FILE.ts',
        brief: 'The module to write; stdout when not given',
      },
      embed: { kind: 'boolean', optional: true, withNegated: false, brief: 'Put the object into the module' },
      type: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: true,
        placeholder: 'NAME',
        brief: 'Declare this type too, such as that of the records of a ring buffer',
      },
    },
    aliases: { o: 'output' },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'An object file', parse: String, placeholder: 'OBJECT' }],
    },
  },
  async run({ flags, output }, path) {
    const { readFileSync } = await import('node:fs');
    const { basename, dirname, relative, resolve } = await import('node:path');
    const { openObject } = await import('../../loader/open.js');
    const { writeObjectModule } = await import('../../object/typescript.js');
    const { typesNamed } = await import('../type-names.js');
    const { writeOutputFile } = await import('../write-output-file.js');
    const { spec } = await openObject(path);
    const from = dirname(resolve(flags.output ?? '.', flags.output === undefined ? 'module.ts' : ''));
    const beside = relative(from, resolve(path));
    const text = writeObjectModule(spec, {
      source: flags.embed
        ? { kind: 'embedded', name: basename(path), base64: readFileSync(path).toString('base64') }
        : { kind: 'path', path: beside.startsWith('.') ? beside : `./${beside}` },
      types: typesNamed(spec.btf, flags.type ?? []),
    });
    if (flags.output === undefined) await output.lines(text.trimEnd().split('\n'));
    else {
      writeOutputFile(flags.output, text);
      output.note(`wrote ${flags.output}`);
    }
    output.document(flags.output === undefined ? { object: path, text } : { object: path, output: flags.output });
    return undefined;
  },
});
