import { EVENTS_TOPIC } from "../../../src/engine/topics.ts";
import { startReader } from "../../contract/reader.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

const SHARE = 0.3;
const text = (bytes: Uint8Array | null) => Buffer.from(bytes ?? []).toString();

export const duplicates: FaultRow = {
  number: 12,
  title: "duplicate delivery (30 %)",
  expected: "every effect once",
  deadlineSeconds: 60,
  quick: true,
  async run(random) {
    await using life = await Life.begin(random);
    const { log } = life.world.app;
    life.startAll();
    const reader = startReader(log, { group: "faults-duplicates", topics: [EVENTS_TOPIC] });
    for (let n = 0; n < 8; n += 1) await life.capture(50);
    await until(async () => reader.records.length >= 400);
    const again = reader.records.filter(() => random() < SHARE);
    await reader.stop();
    await log.append(
      EVENTS_TOPIC,
      again.map(({ key, value, headers }) => ({ key: text(key), value: text(value), headers })),
    );
    await life.capture(50);
    const recoveredMs = await life.untilSettled(60_000);
    return await outcomeOf(life, `${again.length} records twice in the log`, recoveredMs);
  },
};
