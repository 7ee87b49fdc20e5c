import { XdpkitError } from '../../errors/error.js';
import { defineCommand } from '../command.js';

export const demo = defineCommand<Record<never, never>, []>({
  brief: 'Show the whole path on this kernel: a lab, pings, drop, swap, generic mode, clean-up',
  description: [
    'Make a throw-away lab and show the whole path on this kernel: ping is answered, a program drops the replies, another',
    'one takes its place under traffic, and all of it again in generic mode. Every step is judged by what was observed;',
    'one that does not hold ends the demo with exit code 7.',
  ].join('\n'),
  parameters: { flags: {} },
  async run({ output, context }) {
    const { checkDemoCanRun, runDemo } = await import('../../demo/demo.js');
    checkDemoCanRun();
    const { green, red, bold, dim } = output.colors;
    const started = performance.now();
    let steps = 0;
    try {
      for await (const { title, seen, missed } of runDemo(context.signal)) {
        steps += 1;
        const holds = missed.length === 0;
        output.print(`${holds ? green('✓') : red('✗')} ${bold(title)}`);
        for (const line of seen) output.print(`    ${dim(line)}`);
        for (const line of missed) output.print(`    ${red(line)}`);
        output.document({ step: steps, title, holds, seen, missed });
        if (!holds) {
          throw new XdpkitError('EXPECTATION_FAILED', `step ${steps}, "${title}": ${missed.join('; ')}`);
        }
      }
    } catch (error) {
      if (!context.signal.aborted) throw error;
      throw new XdpkitError('INTERRUPTED', 'the demo was interrupted; nothing of it is left');
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    output.print(green(`all ${steps} steps held, in ${seconds} s`));
    return undefined;
  },
});
