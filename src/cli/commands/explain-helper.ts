import type { ExplainedHelper, HelperPresence } from '../../explain/helpers.js';
import { defineCommand } from '../command.js';
import { nameParameter, printRows, releaseText } from '../explain-words.js';
import type { Output } from '../output.js';

const hereWords: Readonly<Record<HelperPresence, string>> = {
  yes: 'this kernel has it',
  known: 'this kernel knows it; of the types of programs none may call it that can be tried (tracing, lsm, ext cannot)',
  untried: 'whether this kernel has it, and for whom, is found out by trying, which takes root or CAP_BPF',
  no: 'this kernel does not have it',
};

export const explainHelper = defineCommand<Record<never, never>, [string?]>({
  brief: 'What a helper does, since when, and who may call it in this kernel; without a name all of them',
  parameters: { positional: nameParameter('A helper, as in bpf_redirect or fib_lookup') },
  async run({ output }, name) {
    const helpers = await import('../../explain/helpers.js');
    if (name === undefined) {
      const all = helpers.listHelpers();
      await output.table(
        [{ title: 'NAME' }, { title: 'SINCE' }, { title: 'HERE' }, { title: 'WHAT IT DOES' }],
        all.map((each) => [each.name, releaseText(each.since), each.here, each.what]),
      );
      output.document({ helpers: all });
      return undefined;
    }
    const helper = helpers.explainHelper(name);
    printHelper(output, helper);
    output.document({ ...helper, gplOnly: helper.gplOnly ?? null, text: helper.text ?? null });
    return undefined;
  },
});

function printHelper(output: Output, helper: ExplainedHelper): void {
  output.print(`${helper.prototype};\n`);
  output.print(`${helper.what}\n`);
  printRows(output, [
    ['number', String(helper.number)],
    ['since', `Linux ${releaseText(helper.since)}; ${hereWords[helper.here]}`],
    ['called by', helper.programTypes.join(', ')],
    ['licence', helper.gplOnly === undefined ? undefined : helper.gplOnly ? 'compatible with the GPL only' : 'any'],
  ]);
  const { text } = helper;
  if (text === undefined) {
    output.print("\nThe kernel's own description is in `man bpf-helpers`, and in linux/bpf.h of the kernel headers.");
    return;
  }
  output.print(`\nThe kernel's own words (${text.source}):\n`);
  for (const line of text.description) output.print(`  ${line}`.trimEnd());
  if (text.returns.length > 0) output.print('\n  Returns:');
  for (const line of text.returns) output.print(`  ${line}`.trimEnd());
}
