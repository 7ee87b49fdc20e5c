import { defineCommand } from '../command.js';
import { pinPathParameter } from '../pin-flags.js';
import { programReference } from '../program-documents.js';

export const progUnpin = defineCommand<Record<never, never>, [path: string]>({
  brief: "Remove a program's pin; the program goes when nothing else holds it",
  parameters: { positional: { kind: 'tuple', parameters: [pinPathParameter] } },
  async run({ output }, path) {
    const { openProgram } = await import('../../kernel/find-program.js');
    const { unpin } = await import('../../kernel/unpin.js');
    using program = openProgram(unpin(path, 'program'));
    output.note(`program ${program.name} is no longer pinned at ${path}`);
    output.document({ program: programReference(program), pin: path });
    return undefined;
  },
});
