import { defineCommand } from '../command.js';

type Flags = { readonly template?: string; readonly name?: string };

export const init = defineCommand<Flags, [folder: string]>({
  brief: 'Start a project: a BPF program, its loader in TypeScript, and tests, which build and run at once',
  description: [
    'Start a project in a new folder, or an empty one: a BPF program, its loader in TypeScript, and tests that send packets',
    'through it. It builds and runs as it is. Nothing is ever written over.',
  ].join('\n'),
  parameters: {
    flags: {
      template: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'TEMPLATE',
        brief: 'What to begin with; xdp, an XDP program, if not given',
      },
      name: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'NAME',
        brief: "The project's name; that of the folder if not given",
      },
    },
    positional: { kind: 'tuple', parameters: [{ brief: 'The folder to make', parse: String, placeholder: 'DIR' }] },
  },
  async run({ flags, output }, folder) {
    const { startProject } = await import('../../project/start-project.js');
    const project = startProject(folder, flags);
    output.print(`started ${project.name} in ${folder}:`);
    for (const file of project.files) output.print(`  ${file}`);
    output.note(
      [
        `go on with:`,
        `  cd ${folder}`,
        '  npm install',
        '  sudo npm test',
        '  sudo npm start -- DEVICE --block 53',
      ].join('\n'),
    );
    output.document(project);
    return undefined;
  },
});
