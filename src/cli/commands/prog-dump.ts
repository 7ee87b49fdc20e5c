import { basename } from 'node:path';
import type { ListedInstruction } from '../../kernel/program-listing.js';
import { defineCommand } from '../command.js';
import type { Output } from '../output.js';
import { programParameter } from '../program-parameters.js';

type Flags = { readonly opcodes?: boolean };

export const progDump = defineCommand<Flags, string[]>({
  brief: "Print programs' code as the verifier left it, with the source lines that it was made of",
  parameters: {
    flags: {
      opcodes: { kind: 'boolean', optional: true, withNegated: false, brief: 'The bytes of each instruction too' },
    },
    positional: { kind: 'array', parameter: programParameter, minimum: 1 },
  },
  async run({ flags, output }, ...references) {
    const { findProgram } = await import('../../kernel/find-program.js');
    const { listProgram } = await import('../../kernel/program-listing.js');
    const dumped = references.map((reference) => {
      using program = findProgram(reference);
      return { id: program.id, name: program.name, instructions: listProgram(program.fd) };
    });
    for (const [index, { id, name, instructions }] of dumped.entries()) {
      if (dumped.length > 1) output.print(`${index > 0 ? '\n' : ''}${output.colors.bold(`program ${id}, ${name}`)}`);
      printListing(output, instructions, flags.opcodes === true);
    }
    output.document({
      programs: dumped.map(({ id, name, instructions }) => ({ id, name, instructions: instructions.map(asDocument) })),
    });
    return undefined;
  },
});

function asDocument({ at, bytes, text, map, function: declared, source }: ListedInstruction) {
  return { at, bytes, text, map: map ?? null, function: declared ?? null, source: source ?? null };
}

function printListing(output: Output, instructions: readonly ListedInstruction[], opcodes: boolean): void {
  const { bold, dim } = output.colors;
  for (const { at, text, map, function: declared, source, bytes } of instructions) {
    if (declared !== undefined) output.print(bold(`${declared}:`));
    if (source !== undefined) output.print(dim(`; ${source.text} @ ${basename(source.file)}:${source.line}`));
    output.print(`${String(at).padStart(4)}: ${text}${map === undefined ? '' : dim(` ; map ${map}`)}`);
    if (opcodes)
      output.print(
        dim(
          `      ${Buffer.from(bytes)
            .toString('hex')
            .replace(/(.{16})(?=.)/g, '$1 ')}`,
        ),
      );
  }
}
