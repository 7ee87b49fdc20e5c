import { XdpkitError } from '../errors/error.js';
import { type BpfLink, openLinkById, openPinnedLink } from './link.js';

/** Opens the link that a person means: an id (`17`) or the path of a pin. Errors: `LINK_NOT_FOUND`. */
export function findLink(reference: string): BpfLink {
  const isId = /^\d+$/.test(reference);
  const link = isId ? openLinkById(Number(reference)) : openPinnedLink(reference);
  if (link !== undefined) return link;
  throw new XdpkitError('LINK_NOT_FOUND', `there is no link ${isId ? 'with id' : 'pinned at'} ${reference}`, {
    hint: '`xdpkit link ls` lists those that there are.',
  });
}
