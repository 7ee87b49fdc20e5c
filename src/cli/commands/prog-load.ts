import { defineCommand } from '../command.js';
import { type KernelFlags, kernelFlags } from '../kernel-flags.js';
import { type PinMismatchFlags, pinMismatchFlag, printMigrations } from '../pin-flags.js';
import { reportDegraded } from '../report-degraded.js';
import { objectParameter, programFlag } from '../xdp-flags.js';

type Flags = PinMismatchFlags &
  KernelFlags & {
    readonly pin: string;
    readonly prog?: string;
    readonly type?: string;
    readonly map?: readonly (readonly [name: string, reference: string])[];
  };

export const progLoad = defineCommand<Flags, [string]>({
  brief: 'Load a program of an object and pin it, attached to nothing',
  parameters: {
    flags: {
      pin: { kind: 'parsed', parse: String, placeholder: 'PATH', brief: 'Where, on a BPF file system' },
      prog: programFlag,
      type: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'TYPE',
        brief: 'Its type, as in xdp or sched_cls (as its section says when not given)',
      },
      map: {
        kind: 'parsed',
        parse: parseMap,
        optional: true,
        variadic: true,
        placeholder: 'NAME=MAP',
        brief: "A map of the kernel (id, pin or name) for the object's own; repeatable",
      },
      pinMismatch: pinMismatchFlag,
      ...kernelFlags,
    },
    positional: { kind: 'tuple', parameters: [objectParameter] },
  },
  async run({ flags, output }, path) {
    const { openObject } = await import('../../loader/open.js');
    const { loadPinned } = await import('../../loader/load-pinned.js');
    const { pin, prog, type, map, pinMismatch, kernelBtf, kernelConfig } = flags;
    const object = await openObject(path);
    const options = { pin, program: prog, type, maps: new Map(map), pinMismatch, kernelBtf, kernelConfig };
    const { program, maps, degraded, migrations, unheldArrays } = loadPinned(object, options);
    output.print(`loaded ${program.name} (program ${program.id}, ${program.type})`);
    output.print(`  pinned at  ${pin}`);
    for (const { name, id, kept } of maps) output.print(`  map        ${name} (id ${id}${kept ? ', kept' : ''})`);
    printMigrations(output, migrations, 13);
    for (const name of unheldArrays) {
      output.warn(
        `the kernel empties program array ${name} when this command ends, as nothing pins it (LIBBPF_PIN_BY_NAME)`,
      );
    }
    reportDegraded(output, degraded);
    output.document({ program, pin, maps, migrations, degraded });
    return undefined;
  },
});

function parseMap(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at <= 0 || at === text.length - 1) throw new Error(`'${text}' is not NAME=MAP`);
  return [text.slice(0, at), text.slice(at + 1)];
}
