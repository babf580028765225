/*
 * Every value of a label is a time series that Prometheus keeps. Names that come from outside (a row that another
 * program inserted, an error class that an agent made up) must not make any number of them.
 */

/** What a label says instead of a name it does not take. */
const OTHER = "other";

/** Takes only these names. */
export function oneOf(names: Iterable<string>): (name: string) => string {
  const known = new Set(names);
  return (name) => (known.has(name) ? name : OTHER);
}

/** Takes the first `limit` names that come. */
export function atMost(limit: number): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (known.size < limit) known.add(name);
    return known.has(name) ? name : OTHER;
  };
}

/** How often each name occurs. */
export function countBy<T>(items: readonly T[], nameOf: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) {
    const name = nameOf(item);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
