import { defineCommand } from '../command.js';
import { describeLinkHolders, linkDocument } from '../link-documents.js';
import { linkParameter } from '../link-flags.js';

export const linkDetach = defineCommand<Record<never, never>, [link: string]>({
  brief: 'End an attachment, whoever holds its link',
  parameters: { positional: { kind: 'tuple', parameters: [linkParameter] } },
  async run({ output }, reference) {
    const { detachLink } = await import('../../xdp/detach-link.js');
    const { describeLink } = await import('../../xdp/list-links.js');
    const { link, pinsLeft } = detachLink(reference);
    output.print(`detached ${describeLink(link)}`);
    const holders = describeLinkHolders(link);
    if (holders.length > 0) output.print(`  was held by ${holders.join(', ')}`);
    for (const path of pinsLeft) output.print(`  ${path} now pins a link that attaches nothing`);
    output.document({ detached: linkDocument(link), pinsLeft });
    return undefined;
  },
});
