/** What a person calls a thing of BPF, and what it is called. */
import { XdpkitError } from '../errors/error.js';
import { nearNames } from '../object/near-names.js';

/** Errors: `USAGE` with names like it. */
export function knownName<Name extends string>(
  wanted: string,
  names: readonly Name[],
  { what, prefixes, shown = (name) => name }: { what: string; prefixes: RegExp; shown?: (name: Name) => string },
): Name {
  const plain = wanted.trim().toLowerCase().replace(prefixes, '');
  const found = names.find((name) => name === plain);
  if (found !== undefined) return found;
  const near = nearNames(plain, names).map((name) => shown(name as Name));
  throw new XdpkitError('USAGE', `there is no ${what} called "${wanted}"`, {
    hint: near.length > 0 ? `Do you mean ${near.join(', ')}?` : `\`xdpkit explain ${what.split(' ')[0]}\` lists all.`,
  });
}
