import { XdpkitError } from '../errors/error.js';

export const sides = ['left', 'right'] as const;
/** The two hosts of a lab. */
export type Side = (typeof sides)[number];

const longest = 64;

/** Refuses a name that could not be part of a file's name, or would be taken for something else on a command line. */
export function checkLabName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name) && name.length <= longest) return;
  throw new XdpkitError('USAGE', `"${name}" cannot be the name of a lab`, {
    hint: `A name has 1 to ${longest} letters, digits, dots, dashes and underscores, and begins with a letter or digit.`,
  });
}

export function randomLabName(): string {
  return `lab-${Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString('hex')}`;
}

/** The network namespace of one host, as `ip netns` lists it. */
export function netnsNameOf(lab: string, side: Side): string {
  return `${lab}-${side}`;
}
