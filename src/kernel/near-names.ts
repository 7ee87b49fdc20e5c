/** Names like one that was not found, for people who mistyped it or whose kernel calls it otherwise. */

/** At most `most` of `names`: those that differ by few letters first, then those that hold the wanted one or are held by it. */
export function nearNames(wanted: string, names: Iterable<string>, most = 5): string[] {
  const furthest = Math.max(1, Math.min(3, Math.floor(wanted.length / 4)));
  const found: { readonly name: string; readonly distance: number }[] = [];
  for (const name of new Set(names)) {
    if (name === '' || name === wanted) continue;
    const holds = name.includes(wanted) || (name.length > 3 && wanted.includes(name));
    const distance = editDistance(wanted, name, furthest);
    if (distance <= furthest) found.push({ name, distance });
    else if (holds) found.push({ name, distance: furthest + Math.abs(name.length - wanted.length) });
  }
  found.sort((left, right) => left.distance - right.distance || (left.name < right.name ? -1 : 1));
  return found.slice(0, most).map(({ name }) => name);
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
