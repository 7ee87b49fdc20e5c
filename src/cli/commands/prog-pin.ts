import { defineCommand } from '../command.js';
import { pinPathParameter } from '../pin-flags.js';
import { programReference } from '../program-documents.js';
import { programParameter } from '../program-parameters.js';

export const progPin = defineCommand<Record<never, never>, [program: string, path: string]>({
  brief: 'Pin a program, so that it outlives those who use it',
  parameters: { positional: { kind: 'tuple', parameters: [programParameter, pinPathParameter] } },
  async run({ output }, reference, path) {
    const { findProgram } = await import('../../kernel/find-program.js');
    using program = findProgram(reference);
    program.pin(path);
    output.note(`pinned program ${program.name} at ${path}`);
    output.document({ program: programReference(program), pin: path });
    return undefined;
  },
});
