import { produceRaw, type RawRecord } from "../../support/raw-records.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import type { Life } from "../life.ts";
import type { FaultOutcome } from "../row.ts";

const PARTITIONS = [0, 1, 2];

/** What is wrong with it, and a record like that; `n` makes its bytes its own, as the same bytes are set aside once. */
export type BadRecord = (n: number) => readonly [errorClass: string, record: Omit<RawRecord, "partition">];

/** Puts such records amid good ones, into each partition; sees each set aside as what it is, with its bytes. */
export async function badRecordsAmidGood(life: Life, bad: readonly BadRecord[]): Promise<FaultOutcome> {
  for (const partition of PARTITIONS) {
    await life.capture(60);
    await life.untilBusy();
    const records = bad.map((make) => ({ ...make(partition)[1], partition }));
    await produceRaw(life.world, records);
  }
  await life.capture(60);
  const recoveredMs = await life.untilSettled(60_000);
  const wanted = PARTITIONS.flatMap((partition) =>
    bad.map((make) => {
      const [errorClass, { topic, value }] = make(partition);
      return `${errorClass} ${topic}:${partition} ${value.toString("hex")}`;
    }),
  );
  let missing = wanted;
  let there = new Map<string, string[]>();
  await until(async () => {
    there = await setAside(life);
    missing = wanted.filter((one) => !there.has(one));
    return missing.length === 0;
  }).catch((error) => {
    throw new Error(`not set aside as they are: ${missing.join("; ")}`, { cause: error });
  });
  const aside = wanted.flatMap((one) => there.get(one) ?? []);
  const what = `${wanted.length} records into 3 partitions, kept with bytes and place`;
  return await outcomeOf(life, what, recoveredMs, [], { aside });
}

/**
 * What is set aside: class of error, topic and partition, bytes; and the ids of the records that are so. A producer may repeat
 * a record, and one without bytes is another each time.
 */
async function setAside({ world }: Life): Promise<Map<string, string[]>> {
  const rows = await world.app.db<{ what: string; ids: string[] }[]>`
    select error_class || ' ' || topic || ':' || kafka_partition || ' ' || encode(record_value, 'hex') as what,
      array_agg(id::text) as ids
    from lifestream.dead_letters group by 1`;
  return new Map(rows.map(({ what, ids }) => [what, ids]));
}
