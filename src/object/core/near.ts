/** Names that may be meant: what a kernel has in the place of a member or enumerator that it lacks. */

const mostNames = 3;
/** Longer ones are compared by their beginnings; nobody types them. */
const longest = 48;

/** The nearest names first; empty where none is near. */
export function nearNames(wanted: string, names: Iterable<string>): string[] {
  const near: { name: string; distance: number }[] = [];
  const most = Math.max(1, Math.floor(wanted.length / 3));
  for (const name of new Set(names)) {
    if (name === '' || name === wanted) continue;
    const distance = distanceOf(bare(wanted).slice(0, longest), bare(name).slice(0, longest));
    const part = wanted.length >= 3 && (name.includes(wanted) || (name.length >= 4 && wanted.includes(name)));
    if (distance <= most || part) near.push({ name, distance });
  }
  return near
    .sort((left, right) => left.distance - right.distance)
    .slice(0, mostNames)
    .map(({ name }) => name);
}

/** Kernels rename members by underscores (`state`, `__state`). */
function bare(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}

/** Letters to insert, delete or replace. */
function distanceOf(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (const [index, letter] of [...left].entries()) {
    const next = [index + 1];
    for (let at = 0; at < right.length; at += 1) {
      const replaced = (row[at] ?? 0) + (right[at] === letter ? 0 : 1);
      next.push(Math.min(replaced, (next[at] ?? 0) + 1, (row[at + 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
