import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";
import { kafkaProxied, proxied } from "./proxied.ts";

const WITHIN_MS = 10_000;
const ROUNDS = 2;
/** Long enough for everything to be amid a question to that server. */
const SILENT_MS = 2_000;

export const sigterm: FaultRow = {
  number: 28,
  title: "SIGTERM under load, also with a Postgres or Kafka that says nothing",
  expected: "drained or released within 10 s, exit code 0",
  deadlineSeconds: 120,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random, { pageMs: 100 });
    await using postgres = await proxied(life);
    await using kafka = await kafkaProxied(life);
    let slowest = 0;
    const round = async (before: () => Promise<void>) => {
      life.startAll();
      await life.untilUp();
      await life.capture(150);
      await life.untilBusy();
      await before();
      for (const { stage, code, ms } of await life.stopAll()) {
        if (code !== 0 || ms > WITHIN_MS) throw new Error(`${stage} ended with ${code} after ${Math.round(ms)} ms`);
        slowest = Math.max(slowest, ms);
      }
    };
    for (let n = 0; n < ROUNDS; n += 1) await round(async () => {});
    const healthy = Math.round(slowest);
    for (const server of [kafka, postgres]) {
      await round(async () => {
        server.set({ kind: "hold" });
        await Bun.sleep(SILENT_MS);
      });
      if (server.met() === 0) throw new Error("nothing went through the proxy");
      server.set({ kind: "none" });
    }
    life.startAll();
    const recoveredMs = await life.untilSettled(120_000);
    const seen = `${ROUNDS} times all stopped, the slowest in ${healthy} ms; with a silent server in ${Math.round(slowest)} ms`;
    return await outcomeOf(life, seen, recoveredMs);
  },
};
