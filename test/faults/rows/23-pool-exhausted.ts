import { randomBytes } from "node:crypto";
import { createTokens } from "../../../src/adapters/postgres/tokens.ts";
import { choosePort } from "../../../src/stack/ports.ts";
import { startCommand } from "../../support/commands.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import { startLoad } from "../load.ts";
import type { FaultRow } from "../row.ts";

const REFUSED_MS = 6_000;
/** More than the page has connections. */
const CROWD = 30;
const ANSWERED_WITHIN_MS = 20_000;

export const poolExhausted: FaultRow = {
  number: 23,
  title: "no connection to Postgres is free",
  expected: "bounded wait, backpressure, not ready",
  says: [/(?=.*waiting)(?=.*Postgres)/i],
  deadlineSeconds: 90,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    await using login = await limitedLogin(life);
    const health = String(await choosePort(undefined, ""));
    life.startAll(["kafka:materialize"]);
    life.start("kafka:materialize", { env: { STREAM_HEALTH_PORT: health } });
    const materializer = () => statusOf(`http://127.0.0.1:${health}/readyz`);
    await until(async () => (await materializer()) === 200);
    const load = startLoad(life, { batch: 20, everyMs: 200 });
    await life.untilBusy();
    await login.refuseAll();
    await until(async () => (await materializer()) === 503);
    await Bun.sleep(REFUSED_MS);
    await login.allow();
    await until(async () => (await materializer()) === 200);
    await load.stop();
    const answers = await crowdBeforeALock(life);
    const recoveredMs = await life.untilSettled(90_000);
    return await outcomeOf(
      life,
      `the server refused all stages for ${REFUSED_MS / 1_000} s; ${CROWD} captures at once before a locked ledger: ${answers}`,
      recoveredMs,
    );
  },
};

const statusOf = (url: string, init: RequestInit = {}) =>
  fetch(url, init).then(
    ({ status }) => status,
    () => 0,
  );

/** Stages log in as somebody whose connections can be taken away. */
async function limitedLogin(life: Life) {
  const { db } = life.world.app;
  const name = `t_limited_${randomBytes(4).toString("hex")}`;
  const url = new URL(life.world.env.DATABASE_URL ?? "");
  const owner = decodeURIComponent(url.username);
  await db.unsafe(`create role ${name} login password '${name}' in role ${owner}`);
  url.username = name;
  url.password = name;
  life.stageEnv = { DATABASE_URL: url.href };
  return {
    async refuseAll() {
      await db.unsafe(`alter role ${name} connection limit 0`);
      await db`select pg_terminate_backend(pid) from pg_stat_activity where usename = ${name}`;
    },
    allow: () => db.unsafe(`alter role ${name} connection limit -1`),
    async [Symbol.asyncDispose]() {
      await Promise.all([...life.running().values()].map((command) => command.kill()));
      await db.unsafe(`drop owned by ${name}; drop role ${name}`);
    },
  };
}

/** Everybody gets an answer in time, the page says that it is not ready, and afterwards it takes what is sent again. */
async function crowdBeforeALock(life: Life): Promise<string> {
  const { db } = life.world.app;
  const token = await createTokens(db).create("crowd", ["capture"]);
  const web = startCommand(["web"], life.world.env);
  const [, url = ""] = await web.said(/^ready {6}(http:\/\/127\.0\.0\.1:\d+)$/m);
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const send = (n: number) => {
    const event = { event_type: "todo.created", subject_id: `todo:crowd:${n}`, payload: { title: `${n}` } };
    const init = { method: "POST", body: JSON.stringify(event), signal: AbortSignal.timeout(ANSWERED_WITHIN_MS) };
    return statusOf(`${url}/api/events`, { ...init, headers: { ...headers, "idempotency-key": `crowd ${n}` } });
  };
  const [locked, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const lock = db.begin(async (tx) => {
    await tx`lock table lifestream.events in access exclusive mode`;
    locked.resolve();
    await done.promise;
  });
  await locked.promise;
  try {
    const crowd = Array.from({ length: CROWD }, (_, n) => send(n));
    await until(async () => (await statusOf(`${url}/readyz`)) === 503);
    const statuses = await Promise.all(crowd);
    if (statuses.some((status) => status !== 503)) throw new Error(`answers before a lock: ${statuses.join(" ")}`);
  } finally {
    done.resolve();
    await lock;
  }
  await until(async () => (await statusOf(`${url}/readyz`)) === 200);
  const again = await Promise.all(Array.from({ length: CROWD }, (_, n) => send(n)));
  if (again.some((status) => status !== 200 && status !== 201)) throw new Error(`sent again: ${again.join(" ")}`);
  await web.stop();
  return "503 each, then taken once";
}
