/** Connections to Postgres that end in the middle of something: an error for whoever waits, and nothing else. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { classify, connect, type Database } from "../../src/adapters/postgres/connect.ts";
import { EnvironmentError } from "../../src/engine/errors.ts";
import { meterPostgres, type PostgresMeter } from "../support/postgres-meter.ts";
import { hasOpenssl } from "../support/secured-kafka/certificates.ts";
import { testServers } from "../support/servers.ts";
import { until } from "../support/test-app.ts";
import { startTlsPostgres } from "../support/tls-postgres.ts";

const TEST_MS = 30_000;
const ROUNDS = 2;

/** What is under way when the connection is lost. */
const WHILE: Readonly<Record<string, (db: Database, lose: () => Promise<void>) => Promise<unknown>>> = {
  "a statement runs": (db, lose) => Promise.all([db`select pg_sleep(60)`, soon(lose)]),
  "a statement of a transaction runs": (db, lose) =>
    Promise.all([db.begin((tx) => tx`select pg_sleep(60)`), soon(lose)]),
  "a transaction computes": (db, lose) =>
    db.begin(async (tx) => {
      await tx`select 1`;
      await lose();
      const over = performance.now() + 100;
      while (performance.now() < over);
      await tx`select 2`;
    }),
  "a transaction waits for something else": (db, lose) =>
    db.begin(async (tx) => {
      await tx`select 1`;
      await lose();
      await Bun.sleep(20);
      await tx`select 2`;
    }),
};

async function soon(lose: () => Promise<void>): Promise<void> {
  await Bun.sleep(50);
  await lose();
}

const SERVERS = [
  { how: "in the clear", options: "", start: async () => ({ url: (await testServers()).databaseUrl }) },
  ...(hasOpenssl() ? [{ how: "over TLS", options: "?sslmode=require", start: startTlsPostgres }] : []),
];

describe.each(SERVERS)("given a Postgres spoken to $how", ({ start, options }) => {
  let server: { readonly url: string } & Partial<AsyncDisposable>;
  let meter: PostgresMeter;

  beforeAll(async () => {
    server = await start();
    meter = await meterPostgres(server.url);
  }, TEST_MS);
  afterAll(async () => {
    await meter[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]?.();
  }, TEST_MS);

  test.each(Object.entries(WHILE))(
    "when the connection ends while %s, then that is an error, and later answers are to their questions",
    async (_, lostWhile) => {
      const db = connect({ url: meter.url + options, name: "test", maxConnections: 2 });
      for (let round = 0; round < ROUNDS; round++) {
        const error = await lostWhile(db, meter.hangUp).catch(classify);
        expect(error).toBeInstanceOf(EnvironmentError);
        await meter.goOn();
        await until(
          () =>
            db`select 1`.then(
              () => true,
              () => false,
            ),
          10_000,
        );
        const answers = await Promise.all([1, 2, 3, 4].map((n) => db`select ${n}::int as n`));
        expect(answers.map(([row]) => row?.n)).toEqual([1, 2, 3, 4]);
      }
      await db.end({ timeout: 1 });
    },
    TEST_MS,
  );

  test(
    "when TLS is asked for in each way, then it is used where there is any, and strangers are not believed",
    async () => {
      const answers = await Promise.all(["disable", "prefer", "require", "verify-full"].map((mode) => usesTls(mode)));
      const expected = options ? [false, true, true, "UNABLE_TO_VERIFY"] : [false, false, "has no TLS", "has no TLS"];
      for (const [at, answer] of answers.entries()) expect(String(answer)).toContain(String(expected[at]));
    },
    TEST_MS,
  );

  async function usesTls(mode: string): Promise<unknown> {
    const db = connect({ url: `${server.url}?sslmode=${mode}`, name: "test", maxConnections: 1 });
    const answer = await db<{ ssl: boolean }[]>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.then(
      ([row]) => row?.ssl,
      (error) => `${error.code} ${error.message}`,
    );
    await db.end({ timeout: 1 });
    return answer;
  }
});

test("given a pool that knows the types of arrays, when its connections are ended, then they are not asked for again", async () => {
  const { databaseUrl } = await testServers();
  const db = connect({ url: databaseUrl, name: "types", maxConnections: 1 });
  try {
    const read = async () => (await db`select ${["a", "b"]}::text[] as words, array[1, 2] as numbers`)[0];
    expect(await read()).toEqual({ words: ["a", "b"], numbers: [1, 2] });
    expect(db.options.fetch_types).toBe(false);
    await db`select pg_terminate_backend(pg_backend_pid())`.catch(() => {});
    const again = () => read().catch(() => null);
    await until(async () => (await again()) !== null);
    expect(await again()).toEqual({ words: ["a", "b"], numbers: [1, 2] });
  } finally {
    await db.end({ timeout: 1 });
  }
});
