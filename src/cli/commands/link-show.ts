import { defineCommand } from '../command.js';
import { describeLinkHolders, linkDocument } from '../link-documents.js';
import { linkParameter } from '../link-flags.js';

export const linkShow = defineCommand<Record<never, never>, [link: string]>({
  brief: 'Show what a link attaches to what, and who holds it',
  parameters: { positional: { kind: 'tuple', parameters: [linkParameter] } },
  async run({ output }, reference) {
    const { findLink } = await import('../../kernel/find-link.js');
    const { describeTarget, linkDescriber } = await import('../../xdp/list-links.js');
    using found = findLink(reference);
    const link = linkDescriber()(found.fd);
    output.print(`link ${link.id}, ${link.type}`);
    output.print(`  program  ${link.programName || 'without a name'} (${link.programId})`);
    output.print(`  target   ${describeTarget(link)}`);
    const holders = describeLinkHolders(link);
    for (const holder of holders) output.print(`  held by  ${holder}`);
    if (holders.length === 0) output.print('  held by  nothing that could be found');
    output.document(linkDocument(link));
    return undefined;
  },
});
