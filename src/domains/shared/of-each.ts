/** The last event for each key, in order: what an upsert of a batch should write. */
export function lastOfEach<E>(events: readonly E[], keyOf: (event: E) => string): E[] {
  return [...new Map(events.map((event) => [keyOf(event), event])).values()];
}

/** The first event for each key: what says since when there is something, however events fall into batches. */
export function firstOfEach<E>(events: readonly E[], keyOf: (event: E) => string): E[] {
  return lastOfEach([...events].reverse(), keyOf).reverse();
}
