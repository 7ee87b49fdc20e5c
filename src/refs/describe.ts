/** References in words: a tree, and what would have to go. */
import { isEmptiedWithoutUsers } from './entries.js';
import type { HeldObject, Holder, KernelObject, References, Root } from './reference.js';

/** Lines, the object first, each holder under what it holds. */
export function* drawReferences({ object }: References): Generator<string> {
  yield describeObject(object);
  yield* drawHolders(object.heldBy, '');
}

function* drawHolders(holders: readonly Holder[], indent: string): Generator<string> {
  for (const [index, holder] of holders.entries()) {
    const isLast = index === holders.length - 1;
    yield `${indent}${isLast ? '└─ ' : '├─ '}${describeHolder(holder)}`;
    if (holder.by === 'object') yield* drawHolders(holder.object.heldBy, `${indent}${isLast ? '   ' : '│  '}`);
  }
}

/** `program 7 (count, xdp)`. */
export function describeObject({ kind, id, name, type }: KernelObject): string {
  return `${kind} ${id} (${name === '' ? type : `${name}, ${type}`})`;
}

function describeHolder(holder: Holder): string {
  if (holder.by !== 'object') return describeRoot(holder);
  return `${describeObject(holder.object)}${howText(holder)}${remark(holder.object, holder.how)}`;
}

function howText(holder: Extract<Holder, { by: 'object' }>): string {
  switch (holder.how) {
    case 'uses':
      return ' uses it';
    case 'attaches':
      return holder.target === '' ? '' : ` on ${holder.target}`;
    case 'entry':
      return ` has it at ${keysText(holder.keys)}`;
    case 'attached':
      return ` runs it as ${holder.attachType}`;
    case 'targets':
      return targetWords[holder.object.type] ?? ' is in it';
  }
}

/** By the type of the link. */
const targetWords: Readonly<Record<string, string>> = { iter: ' reads it', struct_ops: ' puts it to work' };

const mostKeys = 4;

function keysText(keys: readonly string[]): string {
  const more = keys.length - mostKeys;
  return `${keys.slice(0, mostKeys).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function remark(object: HeldObject, how: Extract<Holder, { by: 'object' }>['how']): string {
  if (object.again) return ' (above)';
  const lets = (how === 'entry' || how === 'attached') && isEmptiedWithoutUsers(object.type);
  return lets ? ', until its last pin and descriptor are gone' : '';
}

export function describeRoot(root: Root): string {
  const inside = (netns: string | undefined): string => (netns === undefined ? '' : ` in ${netns}`);
  switch (root.by) {
    case 'pin':
      return `pin ${root.path}`;
    case 'process': {
      const fds = `descriptor${root.fds.length > 1 ? 's' : ''} ${root.fds.join(', ')}`;
      return `process ${root.pid} (${root.command}), ${root.of === 'perf event' ? `perf event, ${fds}` : fds}`;
    }
    case 'device':
      return `device ${root.device}${inside(root.netns)}, ${root.hook}`;
    case 'cgroup':
      return `cgroup ${root.path}, ${root.attachType}`;
    case 'netns':
      return `network namespace ${root.netns ?? 'of this process'}, ${root.attachType}`;
  }
}

/** What a person does so that a root lets go. */
export function releaseOf(root: Root): string {
  const inside = (netns: string | undefined): string => (netns === undefined ? '' : ` --netns ${netns}`);
  switch (root.by) {
    case 'pin':
      return `rm ${root.path}`;
    case 'process':
      return `end process ${root.pid} (${root.command}), or have it close descriptor ${root.fds.join(', ')}`;
    case 'device':
      return root.hook.startsWith('xdp ')
        ? `xdpkit detach --dev ${root.device}${inside(root.netns)}`
        : `take the program off ${root.device}${root.netns === undefined ? '' : ` in ${root.netns}`} (${root.hook})`;
    case 'cgroup':
      return `detach it from cgroup ${root.path} (${root.attachType}), or remove the cgroup`;
    case 'netns':
      return `detach it from network namespace ${root.netns ?? 'of this process'} (${root.attachType})`;
  }
}

/** A sentence, without what to do. */
export function verdictOf({ object, roots, circles }: References): string {
  const what = `${object.kind} ${object.id}`;
  if (roots.length > 0) {
    const all = roots.length === 1 ? 'this is gone' : `all ${roots.length} of these are gone`;
    const circle = circles.length > 0 ? ', and the circle is broken' : '';
    return `${what} is freed when ${all}${circle}:`;
  }
  if (circles.length > 0) return `only a circle of objects that hold each other keeps ${what}; this breaks it:`;
  const through = object.heldBy.length > 0 ? 'what holds it is held by nothing visible' : 'nothing visible holds it';
  return `${what}: ${through}`;
}

/** What to do for the verdict, a line each. */
export function stepsOf({ roots, circles }: References): string[] {
  const entries = circles.flatMap(({ holder, keys, held }) =>
    keys.map(
      (key) => `xdpkit map delete ${holder.id} ${key}   (${describeObject(holder)} has ${describeObject(held)} there)`,
    ),
  );
  return [...roots.map(releaseOf), ...new Set(entries)];
}
