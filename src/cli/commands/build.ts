import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { XdpkitError } from '../../errors/error.js';
import type { ObjectSpec } from '../../object/spec.js';
import { defineCommand } from '../command.js';
import type { Output } from '../output.js';

type Flags = {
  readonly output?: string;
  readonly include?: readonly string[];
  readonly define?: readonly string[];
  readonly clang?: string;
};

export const build = defineCommand<Flags, string[]>({
  brief: 'Compile BPF C and list what the objects hold',
  description: [
    'Compile BPF C with clang, with debug information (BTF) and the include folders of this architecture, and list the',
    'sections, programs and maps of the result. An object appears only when it is complete: after an error the old one',
    'is still there.',
  ].join('\n'),
  parameters: {
    positional: {
      kind: 'array',
      minimum: 1,
      parameter: { brief: 'A file of BPF C', parse: String, placeholder: 'FILE.c' },
    },
    flags: {
      output: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'OUT',
        brief: 'The object to write, or a folder for several (beside the source, as FILE.o, when not given)',
      },
      include: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: true,
        placeholder: 'FOLDER',
        brief: 'Search this folder for headers first',
      },
      define: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: true,
        placeholder: 'NAME[=VALUE]',
        brief: 'Define a macro',
      },
      clang: { kind: 'parsed', parse: String, optional: true, placeholder: 'CLANG', brief: 'The clang to use' },
    },
    aliases: { o: 'output', I: 'include', D: 'define' },
  },
  async run({ flags, output, context }, ...sources) {
    const { compileBpf, defaultOutput } = await import('../../compile/compile.js');
    const { readObject } = await import('../../object/read.js');
    const targets = outputsOf(sources, flags.output, defaultOutput);
    const built = [];
    for (const [index, source] of sources.entries()) {
      const compiling = compileBpf({
        source,
        output: targets[index],
        includePaths: flags.include,
        defines: definesOf(flags.define ?? []),
        clang: flags.clang,
        environment: context.environment,
        signal: context.signal,
      });
      const result = await output.progress(`compiling ${source}`, compiling);
      if (result.warnings !== '') output.warn(`clang has this to say about '${source}':\n${result.warnings}`);
      const object = summarize(readObject(readFileSync(result.output), result.output));
      built.push({ source, output: result.output, ...object });
      if (index > 0) output.print();
      await printObject(output, source, result.output, object);
    }
    output.document({ built });
    return undefined;
  },
});

/** Where each source's object goes: `wanted` is a file for one source, and a folder for several or if it is one. */
function outputsOf(
  sources: readonly string[],
  wanted: string | undefined,
  defaultOutput: (source: string) => string,
): string[] {
  if (wanted === undefined) return sources.map(defaultOutput);
  const isFolder = wanted.endsWith('/') || statSync(wanted, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder && sources.length === 1) return [wanted];
  const outputs = sources.map((source) => join(wanted, basename(defaultOutput(source))));
  const twice = outputs.find((output, index) => outputs.indexOf(output) !== index);
  if (twice !== undefined) throw new XdpkitError('USAGE', `two of the sources would both be compiled to '${twice}'`);
  try {
    mkdirSync(wanted, { recursive: true });
  } catch (cause) {
    const hint = 'with several sources --output names a folder';
    throw new XdpkitError('FAILED', `cannot make the folder '${wanted}' for the objects`, { cause, hint });
  }
  return outputs;
}

function definesOf(words: readonly string[]): Record<string, string | true> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      return at === -1 ? [word, true] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

type Summary = ReturnType<typeof summarize>;

function summarize(object: ObjectSpec) {
  const programs = object.programs.map((program) => ({
    name: program.name,
    section: program.section,
    type: program.type ?? null,
    instructions: (object.functions[program.function]?.code.length ?? 0) / 8,
  }));
  const maps = object.maps.map(({ name, type, keySize, valueSize, maxEntries }) => ({
    name,
    type,
    keySize,
    valueSize,
    maxEntries,
  }));
  const sections = new Map<string, { name: string; functions: number; instructions: number }>();
  for (const { section, code } of object.functions) {
    const { functions, instructions } = sections.get(section) ?? { functions: 0, instructions: 0 };
    sections.set(section, { name: section, functions: functions + 1, instructions: instructions + code.length / 8 });
  }
  return { license: object.license, sections: [...sections.values()], programs, maps };
}

async function printObject(output: Output, source: string, path: string, object: Summary): Promise<void> {
  output.print(`${output.colors.bold(source)} → ${path}`);
  output.print();
  await output.table(
    [{ title: 'SECTION' }, { title: 'FUNCTIONS', align: 'right' }, { title: 'INSTRUCTIONS', align: 'right' }],
    object.sections.map(({ name, functions, instructions }) => [name, `${functions}`, `${instructions}`]),
  );
  if (object.programs.length > 0) {
    output.print();
    await output.table(
      [{ title: 'PROGRAM' }, { title: 'SECTION' }, { title: 'TYPE' }, { title: 'INSTRUCTIONS', align: 'right' }],
      object.programs.map(({ name, section, type, instructions }) => [name, section, type ?? '?', `${instructions}`]),
    );
  }
  if (object.maps.length > 0) {
    output.print();
    await output.table(
      [
        { title: 'MAP' },
        { title: 'TYPE' },
        { title: 'KEY', align: 'right' },
        { title: 'VALUE', align: 'right' },
        { title: 'ENTRIES', align: 'right' },
      ],
      object.maps.map((map) => [map.name, map.type, `${map.keySize} B`, `${map.valueSize} B`, `${map.maxEntries}`]),
    );
  }
}
