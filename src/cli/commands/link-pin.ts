import { defineCommand } from '../command.js';
import { linkParameter } from '../link-flags.js';
import { pinPathParameter } from '../pin-flags.js';

export const linkPin = defineCommand<Record<never, never>, [link: string, path: string]>({
  brief: 'Pin a link, so that the attachment outlives who made it',
  parameters: { positional: { kind: 'tuple', parameters: [linkParameter, pinPathParameter] } },
  async run({ output }, reference, path) {
    const { findLink } = await import('../../kernel/find-link.js');
    using link = findLink(reference);
    const { id, type } = link.info();
    link.pin(path, `${type} link ${id}`);
    output.note(`pinned ${type} link ${id} at ${path}`);
    output.document({ link: { id, type }, pin: path });
    return undefined;
  },
});
