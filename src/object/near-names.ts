/** Names like one that was not found, for people who mistyped it or whose kernel calls it otherwise. */

/** Longer ones are compared by their beginnings; nobody types them. */
const longest = 48;
/** A shorter name is a part of too many others. */
const shortestPart = 3;

/** At most `most` of `names`: those that differ by few letters first, then those that hold the wanted one or are held by it. */
export function nearNames(wanted: string, names: Iterable<string>, most = 3): string[] {
  const furthest = Math.max(1, Math.min(3, Math.floor(wanted.length / 4)));
  const meant = bare(wanted);
  const found: { readonly name: string; readonly distance: number }[] = [];
  for (const name of new Set(names)) {
    if (name === '' || name === wanted) continue;
    const distance = editDistance(meant, bare(name), furthest);
    if (distance <= furthest) found.push({ name, distance });
    else if (isPart(wanted, name) || isPart(name, wanted)) {
      found.push({ name, distance: furthest + Math.abs(name.length - wanted.length) });
    }
  }
  found.sort((left, right) => left.distance - right.distance || (left.name < right.name ? -1 : 1));
  return found.slice(0, most).map(({ name }) => name);
}

function isPart(name: string, whole: string): boolean {
  return name.length >= shortestPart && whole.includes(name);
}

/** Kernels rename members by underscores (`state`, `__state`). */
function bare(name: string): string {
  return name.replaceAll('_', '').toLowerCase().slice(0, longest);
}

/** Letters to add, take away or change; more than `limit` is not counted out. */
function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) > limit) return limit + 1;
  let above = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const changed = (above[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(changed, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    if (Math.min(...current) > limit) return limit + 1;
    above = current;
  }
  return above[right.length] ?? limit + 1;
}
