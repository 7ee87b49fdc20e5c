import { XdpkitError } from '../errors/error.js';
import type { Side } from '../lab/index.js';

export type { Side };

/** The host of a lab that a user named. */
export function labSide(word: string): Side {
  if (word === 'left' || word === 'right') return word;
  throw new XdpkitError('USAGE', `'${word}' is no host of a lab, those are left and right`);
}
