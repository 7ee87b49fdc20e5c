/** `refs prog|map|link`: the same for each kind of object. */
import type { PinKind } from '../kernel/pin.js';
import type { HeldObject, Holder, References, Root } from '../refs/reference.js';
import { defineCommand } from './command.js';

interface ReferenceParameter {
  readonly brief: string;
  readonly parse: (text: string) => string;
  readonly placeholder: string;
}

export function defineRefs(kind: PinKind, brief: string, parameter: ReferenceParameter) {
  return defineCommand<Record<never, never>, [reference: string]>({
    brief,
    description: [
      `${brief}.`,
      '',
      'A tree: under each object what holds it, down to what a person can end. Found are pins on the BPF file systems of',
      'all mount namespaces, descriptors and perf events by process, links, devices (XDP, tc, tcx) of all network',
      'namespaces that have a name or a process, cgroups, and entries of maps. What could hold it unseen is said.',
    ].join('\n'),
    parameters: { positional: { kind: 'tuple', parameters: [parameter] } },
    async run({ output }, reference) {
      const { findReferences } = await import('../refs/refs.js');
      const { drawReferences, stepsOf, verdictOf } = await import('../refs/describe.js');
      const found = findReferences(kind, reference);
      const verdict = verdictOf(found);
      const steps = stepsOf(found);
      for (const line of drawReferences(found)) output.print(line);
      output.print(`\n${verdict}`);
      for (const step of steps) output.print(`  ${step}`);
      if (found.unseen.length > 0) output.print('could hold it unseen:');
      for (const each of found.unseen) output.print(`  ${each}`);
      output.document(referencesDocument(found, verdict, steps));
      return undefined;
    },
  });
}

function referencesDocument({ object, roots, circles, unseen }: References, verdict: string, steps: readonly string[]) {
  return { ...objectDocument(object), roots: roots.map(rootDocument), circles, unseen, verdict, steps };
}

function objectDocument({ heldBy, ...object }: HeldObject): object {
  return { ...object, heldBy: heldBy.map(holderDocument) };
}

function holderDocument(holder: Holder): object {
  return holder.by === 'object' ? { ...holder, object: objectDocument(holder.object) } : rootDocument(holder);
}

/** What is not known is null. */
function rootDocument(root: Root): object {
  return Object.fromEntries(Object.entries(root).map(([name, value]) => [name, value ?? null]));
}
