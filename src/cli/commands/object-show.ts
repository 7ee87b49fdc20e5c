import { basename } from 'node:path';
import type { CompiledFunction } from '../../object/list-code.js';
import { defineCommand } from '../command.js';
import type { Output } from '../output.js';
import { objectParameter, programFlag } from '../xdp-flags.js';

type Flags = { readonly disassemble?: boolean; readonly prog?: string; readonly check?: boolean };

export const objectShow = defineCommand<Flags, string[]>({
  brief: 'Show what an object holds: programs, maps, global variables, what it asks of the kernel, its code',
  description: [
    'Show what an object holds: programs with what they use, maps, global variables, and what it leaves to the kernel. No',
    'kernel is asked but with --check. Objects of either byte order can be shown.',
    '',
    'With --disassemble it is the code as it was compiled: behind it stands which variable is meant, and what a CO-RE',
    "relocation asks of the kernel's types. `prog dump` has what the kernel makes of it.",
  ].join('\n'),
  parameters: {
    flags: {
      disassemble: { kind: 'boolean', optional: true, withNegated: false, brief: 'The code as compiled' },
      prog: { ...programFlag, brief: 'With --disassemble: this program, with the functions that it calls' },
      check: {
        kind: 'boolean',
        optional: true,
        withNegated: false,
        brief: "Ask this kernel's verifier about each program too, as prog verify does",
      },
    },
    positional: { kind: 'array', parameter: objectParameter, minimum: 1 },
  },
  async run({ flags, output }, ...paths) {
    if (flags.disassemble) return await disassemble(output, paths, flags.prog);
    if (flags.prog !== undefined) {
      const { XdpkitError } = await import('../../errors/error.js');
      throw new XdpkitError('USAGE', '--prog goes with --disassemble');
    }
    const { describeObject } = await import('../../explain/describe-object.js');
    const { openObject } = await import('../../loader/open.js');
    const { objectDocument, printObject } = await import('../object-words.js');
    const documents: object[] = [];
    let exitCode = 0;
    for (const [index, file] of paths.entries()) {
      const opened = await openObject(file);
      const described = describeObject(opened);
      if (index > 0) output.print();
      await printObject(output, file, described);
      const document = { file, ...objectDocument(described) };
      if (!flags.check || described.programs.length === 0) documents.push(document);
      else {
        const { verifyPrograms } = await import('../../loader/verify-programs.js');
        const { exitCodeOf, printVerified, verifiedDocument } = await import('../verified-words.js');
        const verified = verifyPrograms(opened);
        output.print();
        await printVerified(output, verified);
        exitCode ||= exitCodeOf(verified);
        documents.push({ ...document, verified: verified.map(verifiedDocument) });
      }
    }
    output.document({ objects: documents });
    return exitCode;
  },
});

async function disassemble(output: Output, paths: readonly string[], program: string | undefined): Promise<undefined> {
  const { openObject } = await import('../../loader/open.js');
  const { listCode } = await import('../../object/list-code.js');
  const objects: { readonly file: string; readonly functions: readonly CompiledFunction[] }[] = [];
  for (const file of paths) objects.push({ file, functions: listCode((await openObject(file)).spec, program) });
  for (const [index, { file, functions }] of objects.entries()) {
    if (objects.length > 1) output.print(`${index > 0 ? '\n' : ''}${output.colors.bold(file)}`);
    await output.lines(linesOf(output, functions));
  }
  output.document({
    objects: objects.map(({ file, functions }) => ({ file, functions: functions.map(functionDocument) })),
  });
  return undefined;
}

function* linesOf({ colors: { bold, dim } }: Output, functions: readonly CompiledFunction[]): Generator<string> {
  for (const [index, { name, section, declaration, instructions }] of functions.entries()) {
    if (index > 0) yield '';
    yield `${bold(`${declaration ?? name}:`)}${dim(` section ${section}`)}`;
    for (const { at, text, refersTo, relocation, source } of instructions) {
      if (source !== undefined)
        yield dim(`; ${`${source.text} @ `.trimStart()}${basename(source.file)}:${source.line}`);
      const variable = refersTo?.kind === 'data' ? refersTo.global : undefined;
      const notes = [...(variable === undefined ? [] : [variable]), ...(relocation === undefined ? [] : [relocation])];
      yield `${String(at).padStart(4)}: ${text}${dim(notes.map((note) => ` ; ${note}`).join(''))}`;
    }
  }
}

function functionDocument({ declaration, instructions, ...named }: CompiledFunction) {
  return {
    ...named,
    declaration: declaration ?? null,
    instructions: instructions.map(({ refersTo, relocation, source, ...each }) => ({
      ...each,
      refersTo: refersTo?.kind === 'data' ? { ...refersTo, global: refersTo.global ?? null } : (refersTo ?? null),
      relocation: relocation ?? null,
      source: source ?? null,
    })),
  };
}
