/** Who keeps a program, a map or a link alive, to the end of every chain. */
import { XdpkitError } from '../errors/error.js';
import { findLink } from '../kernel/find-link.js';
import { findMap } from '../kernel/find-map.js';
import { findProgram } from '../kernel/find-program.js';
import { isStillHeld } from '../kernel/held-descriptors.js';
import type { PinKind } from '../kernel/pin.js';
import { isEmptiedWithoutUsers } from './entries.js';
import type { Circle, HeldObject, Holder, KernelObject, References, Root } from './reference.js';
import { keyOf, type Scan, scanKernel } from './scan.js';
import { unseenHolders } from './unseen.js';

/**
 * `reference`: an id, the path of a pin, and of programs and maps a name. This process's own descriptors count, as they
 * were before the call. Needs CAP_SYS_ADMIN; what other users' processes hold is seen by root only. Links since Linux
 * 5.8. Errors: `PROGRAM_NOT_FOUND`, `MAP_NOT_FOUND`, `LINK_NOT_FOUND`, those of names that several have.
 */
export function findReferences(kind: PinKind, reference: string): References {
  const scan = scanKernel();
  const id = idOf(kind, reference);
  const found = scan.object(kind, id);
  if (found === undefined) {
    throw new XdpkitError(notFound[kind], `${kind} ${id} came or went while the kernel was looked through`, {
      hint: 'Try again.',
    });
  }
  const circles: Circle[] = [];
  const roots = new Map<string, Root>();
  const object = climb(scan, found, { path: [], seen: new Set(), circles, roots });
  return { object, roots: [...roots.values()], circles, unseen: unseenHolders(found, roots.size > 0) };
}

const notFound = { program: 'PROGRAM_NOT_FOUND', map: 'MAP_NOT_FOUND', link: 'LINK_NOT_FOUND' } as const;
const finders = {
  program: (reference: string) => findProgram(reference),
  map: (reference: string) => findMap(reference),
  link: (reference: string) => findLink(reference),
};

function idOf(kind: PinKind, reference: string): number {
  using found = finders[kind](reference);
  return 'id' in found ? found.id : found.info().id;
}

interface Climb {
  /** From the object that was asked for, with the entry that led to each where it was one. */
  readonly path: readonly { readonly object: KernelObject; readonly entry: Circle | undefined }[];
  readonly seen: Set<string>;
  readonly circles: Circle[];
  readonly roots: Map<string, Root>;
}

/** `usersOnly`: what keeps the entries of the object, where it loses them with its last pin and descriptor. */
function climb(scan: Scan, object: KernelObject, way: Climb, entry?: Circle, usersOnly = false): HeldObject {
  way.seen.add(keyOf(object.kind, object.id));
  const path = [...way.path, { object, entry }];
  const heldBy = scan.holders(object.kind, object.id).flatMap((direct): Holder[] => {
    if ('root' in direct) {
      // Tools that list objects hold each of them for a moment.
      const { root, descriptors } = direct;
      if (root.by === 'process' && !descriptors.some(isStillHeld)) return [];
      way.roots.set(JSON.stringify(root), root);
      return [root];
    }
    const { holder, hold } = direct;
    const above = scan.object(holder.kind, holder.id);
    if (above === undefined || usersOnly) return [];
    const through = hold.how === 'entry' ? { holder: above, keys: hold.keys, held: object } : undefined;
    const onPath = path.findIndex(({ object: { kind, id } }) => kind === above.kind && id === above.id);
    if (onPath !== -1) {
      const entries = [...path.slice(onPath + 1).map((step) => step.entry), through];
      way.circles.push(...entries.filter((each) => each !== undefined));
    }
    const emptied = hold.how !== 'uses' && isEmptiedWithoutUsers(above.type);
    // What keeps a map is not all that keeps its entries, so that it is looked at for each anew.
    const again = onPath !== -1 || (way.seen.has(keyOf(above.kind, above.id)) && !emptied);
    const held = again ? { ...above, heldBy: [], again } : climb(scan, above, { ...way, path }, through, emptied);
    return [{ by: 'object', ...hold, object: held }];
  });
  return { ...object, heldBy, again: false };
}
