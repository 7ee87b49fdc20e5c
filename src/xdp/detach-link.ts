import { findLink } from '../kernel/find-link.js';
import { describeLink, type ListedLink, linkDescriber } from './list-links.js';
import { isOwnPin, removeOwnPin } from './own-pins.js';

export interface DetachedLink {
  /** As it was before. */
  readonly link: ListedLink;
  /** Pins of others, which now hold an empty link and are theirs to remove. */
  readonly pinsLeft: readonly string[];
}

/**
 * Ends a link's attachment, whoever holds it; `reference` is an id or the path of a pin. Errors: `LINK_NOT_FOUND`,
 * `UNSUPPORTED` for types that the kernel ends only with their last descriptor.
 */
export function detachLink(reference: string): DetachedLink {
  using link = findLink(reference);
  const described = linkDescriber()(link.fd);
  link.detach(describeLink(described));
  for (const path of described.pins) if (isOwnPin(path)) removeOwnPin(path);
  return { link: described, pinsLeft: described.pins.filter((path) => !isOwnPin(path)) };
}
