import { basename } from 'node:path';
import type { ListedMachineFunction } from '../../kernel/machine-listing.js';
import type { ListedInstruction } from '../../kernel/program-listing.js';
import { defineCommand } from '../command.js';
import type { Output } from '../output.js';
import { programParameter } from '../program-parameters.js';

type Flags = { readonly opcodes?: boolean; readonly jited?: boolean };

export const progDump = defineCommand<Flags, string[]>({
  brief: "Print programs' code as the verifier left it, or as machine code, with its source lines",
  description: [
    "Prints programs' code as the verifier left it, with the source lines that it was made of. Behind it stands what a",
    "field of the program's context became (xdp_md.data → xdp_buff.data; `explain ctx` has them all), and which helpers",
    'the verifier put in as code.',
    '',
    'With --jited it is the machine code that runs, read by objdump.',
  ].join('\n'),
  parameters: {
    flags: {
      opcodes: { kind: 'boolean', optional: true, withNegated: false, brief: 'The bytes of each instruction too' },
      jited: { kind: 'boolean', optional: true, withNegated: false, brief: 'The machine code that the JIT made of it' },
    },
    positional: { kind: 'array', parameter: programParameter, minimum: 1 },
  },
  async run({ flags, output }, ...references) {
    if (flags.jited) return await dumpMachineCode(output, references, flags.opcodes === true);
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

function asDocument(listed: ListedInstruction) {
  const { at, bytes, text, map, context, inlined, function: declared, source } = listed;
  return {
    at,
    bytes,
    text,
    map: map ?? null,
    context: context ? { ...context, field: context.field ?? null } : null,
    inlined: inlined ?? null,
    function: declared ?? null,
    source: source ?? null,
  };
}

/** What the verifier made of what the program said. */
function noteOf({ map, context, inlined }: ListedInstruction): string {
  const notes: string[] = [];
  if (map !== undefined) notes.push(`map ${map}`);
  if (context?.field !== undefined) notes.push(`${context.field} → ${context.path.join(' → ')}`);
  else if (context) notes.push(context.path.join(' → '));
  if (inlined)
    notes.push(inlined.length > 1 ? `${inlined.name}, ${inlined.length} instructions in its place` : inlined.name);
  return notes.map((note) => ` ; ${note}`).join('');
}

function printListing(output: Output, instructions: readonly ListedInstruction[], opcodes: boolean): void {
  const { bold, dim } = output.colors;
  for (const listed of instructions) {
    const { at, text, function: declared, source, bytes } = listed;
    if (declared !== undefined) output.print(bold(`${declared}:`));
    if (source !== undefined) output.print(dim(`; ${source.text} @ ${basename(source.file)}:${source.line}`));
    output.print(`${String(at).padStart(4)}: ${text}${dim(noteOf(listed))}`);
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

async function dumpMachineCode(output: Output, references: readonly string[], opcodes: boolean): Promise<undefined> {
  const { findProgram } = await import('../../kernel/find-program.js');
  const { listMachineCode } = await import('../../kernel/machine-listing.js');
  const dumped = references.map((reference) => {
    using program = findProgram(reference);
    return { id: program.id, name: program.name, functions: listMachineCode(program.fd) };
  });
  for (const [index, { id, name, functions }] of dumped.entries()) {
    if (dumped.length > 1) output.print(`${index > 0 ? '\n' : ''}${output.colors.bold(`program ${id}, ${name}`)}`);
    for (const each of functions) printFunction(output, each, name, opcodes);
  }
  const refusal = dumped.flatMap(({ functions }) => functions).find((each) => each.refusal)?.refusal;
  if (refusal) output.warn(`${refusal.message}. ${refusal.hint ?? ''}`.trim());
  output.document({
    programs: dumped.map(({ id, name, functions }) => ({ id, name, functions: functions.map(functionDocument) })),
  });
  return undefined;
}

function printFunction(output: Output, listed: ListedMachineFunction, name: string, opcodes: boolean): void {
  const { bold, dim } = output.colors;
  const { declaration, address, bytes, instructions } = listed;
  const place = address === 0n ? '' : ` at 0x${address.toString(16)}`;
  output.print(`${bold(`${declaration ?? name}:`)}${dim(` ${bytes.length} bytes${place}`)}`);
  for (const instruction of instructions ?? []) {
    const { source, offset, text, bytes: own } = instruction;
    if (source !== undefined) output.print(dim(`; ${source.text} @ ${basename(source.file)}:${source.line}`));
    output.print(`${offset.toString(16).padStart(4)}: ${text}`);
    if (opcodes) output.print(dim(`      ${spaced(own)}`));
  }
  if (instructions !== undefined) return;
  for (let at = 0; at < bytes.length; at += 16) {
    output.print(`${at.toString(16).padStart(4)}: ${spaced(bytes.subarray(at, at + 16))}`);
  }
}

function spaced(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1 ');
}

function functionDocument({ declaration, address, bytes, instructions }: ListedMachineFunction) {
  return {
    declaration: declaration ?? null,
    address: `0x${address.toString(16)}`,
    bytes,
    instructions:
      instructions?.map((each) => ({ ...each, calls: each.calls ?? null, source: each.source ?? null })) ?? null,
  };
}
