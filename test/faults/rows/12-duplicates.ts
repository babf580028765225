import type { LogRecord } from "../../../src/engine/log.ts";
import { EVENTS_TOPIC } from "../../../src/engine/topics.ts";
import { startReader, text } from "../../contract/reader.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { amidAny } from "../own-life.ts";
import type { FaultRow } from "../row.ts";

const SHARE = 0.3;
const WORK_TOPICS = ["work.fetch_link", "work.enrich_link", "work.publish_link"];

export const duplicates: FaultRow = {
  number: 12,
  title: "duplicate delivery (30 %)",
  expected: "every effect once",
  deadlineSeconds: 60,
  quick: true,
  ...amidAny(async (life, random) => {
    const { log } = life.world.app;
    const reader = startReader(log, { group: "faults-duplicates", topics: [EVENTS_TOPIC, ...WORK_TOPICS] });
    const read = (topic: string) => reader.records.filter((record) => record.topic === topic);
    for (let n = 0; n < 8; n += 1) await life.capture(50);
    await until(async () => read(EVENTS_TOPIC).length >= 400 && WORK_TOPICS.every((topic) => read(topic).length >= 20));
    await reader.stop();
    const again = new Map(
      [EVENTS_TOPIC, ...WORK_TOPICS].map((topic) => [
        topic,
        read(topic).filter((record) => isText(record) && random() < SHARE),
      ]),
    );
    for (const [topic, records] of again) await log.append(topic, records.map(sameAgain));
    await life.capture(50);
    const recoveredMs = await life.untilSettled(60_000);
    requireAskedOnce(life.pages.requests);
    const each = [...again].map(([topic, { length }]) => `${length} of ${topic}`).join(", ");
    return await outcomeOf(life, `twice in the log: ${each}`, recoveredMs);
  }),
};

/** It can be sent again as it was, and is known again; others may have put anything there, also nothing. */
const isText = ({ value }: LogRecord) => !!value?.length && Buffer.from(text(value)).equals(Buffer.from(value));

const sameAgain = ({ key, value, headers }: LogRecord) => ({ key: text(key), value: text(value), headers });

function requireAskedOnce(requests: ReadonlyMap<string, number>): void {
  const often = [...requests].filter(([, times]) => times !== 1);
  if (often.length > 0) throw new Error(`pages asked for again: ${often.map(([path]) => path).join(" ")}`);
}
