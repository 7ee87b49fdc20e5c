import { defineCommand } from '../command.js';
import { describeLinkHolders, linkDocument } from '../link-documents.js';

export const linkLs = defineCommand<Record<never, never>, []>({
  brief: 'List the links that the kernel has: what is attached to what, and who holds it',
  parameters: {},
  async run({ output }) {
    const { describeTarget, listLinks } = await import('../../xdp/list-links.js');
    const links = listLinks();
    if (links.length === 0) output.print('the kernel has no links');
    else {
      await output.table(
        [{ title: 'ID', align: 'right' }, { title: 'TYPE' }, { title: 'PROGRAM' }, { title: 'TARGET' }],
        links.map((link) => [
          String(link.id),
          link.type,
          `${link.programName || '-'} (${link.programId})`,
          describeTarget(link),
        ]),
      );
      for (const link of links) {
        const holders = describeLinkHolders(link);
        output.print(`link ${link.id} is held by ${holders.join(', ') || 'nothing that could be found'}`);
      }
    }
    output.document({ links: links.map(linkDocument) });
    return undefined;
  },
});
