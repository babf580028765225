import type { Log } from "../../src/engine/log.ts";

/** Makes a topic, writes to it, reads it in a group, deletes it: every kind of client once. Returns what was read. */
export async function roundTrip(log: Log): Promise<string[]> {
  const name = `t-${crypto.randomUUID()}`;
  const values = ["one", "two", "three"];
  await log.createTopics([{ name, partitions: 1, replication: 1, config: {}, purpose: "" }]);
  await log.append(
    name,
    values.map((value) => ({ key: "k", value, headers: {} })),
  );
  const read = await readValues(log, name, values.length);
  await log.deleteTopics([name]);
  return read;
}

async function readValues(log: Log, topic: string, count: number): Promise<string[]> {
  const done = new AbortController();
  const startAt = async () => new Map<string, number>();
  await using subscription = log.subscribe({
    group: `g-${topic}`,
    topics: [topic],
    maxBatch: 100,
    signal: done.signal,
    startAt,
  });
  const read: string[] = [];
  for await (const batch of subscription) {
    read.push(...batch.records.map(({ value }) => Buffer.from(value ?? []).toString()));
    if (read.length >= count) break;
  }
  done.abort();
  return read;
}
