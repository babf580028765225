/** Runs `work` over the values, at most `limit` at a time (open files are few), results in order. */
export async function mapLimited<T, R>(values: readonly T[], limit: number, work: (v: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(values.length);
  const rest = values.entries();
  const worker = async () => {
    for (const [index, value] of rest) results[index] = await work(value);
  };
  await Promise.all(Array.from({ length: Math.min(limit, values.length) }, worker));
  return results;
}
