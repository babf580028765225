import { test } from "bun:test";
import { appendPlaced } from "../../src/adapters/embedded/append.ts";
import { SESSION_MS } from "../../src/adapters/embedded/subscription.ts";
import { connect } from "../../src/adapters/postgres/connect.ts";
import type { Log } from "../../src/engine/log.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { logContract } from "../contract/log-contract.ts";
import type { LogUnderTest } from "../contract/log-under-test.ts";
import { openEmbeddedLog } from "../contract/open-log.ts";
import { killSpawnedMembers, spawnMember } from "../contract/spawn-member.ts";
import { hasPgBouncer, startPgBouncer } from "../support/pgbouncer.ts";
import { skippedFor } from "../support/required.ts";
import { until } from "../support/test-app.ts";
import { createTestDatabase } from "../support/test-database.ts";

/** The log in Postgres, in a database of its own; behind a transaction pooler if so wished. */
async function embeddedUnderTest({ pooled = false } = {}): Promise<LogUnderTest> {
  const { url, name, ...database } = await createTestDatabase();
  const pooler = pooled ? await startPgBouncer(url) : null;
  const address = pooler?.url ?? url;
  const db = connect({ url, name: "test", maxConnections: 1 });
  const logs: Log[] = [];
  const open = (at = address) => {
    const log = openEmbeddedLog(at, "contract", silentLogger);
    logs.push(log);
    return log;
  };
  return {
    open: () => open(),
    openAway: () => open("postgres://nobody@127.0.0.1:9/nowhere"),
    async appendRaw({ topic, partition }, records) {
      const [shape] = (await open().describeTopics([topic])).topics;
      const placed = records.map((record) => ({ ...record, partition, headers: {} }));
      await appendPlaced(db, topic, { id: shape?.id ?? "", partitions: shape?.replicas.length ?? 0 }, placed);
    },
    startMember: (group, topic) => spawnMember({ kind: "embedded", address, group, topic }),
    async cutConnections() {
      await db`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = ${name} and pid <> pg_backend_pid() and application_name like 'stream-agents %'`;
    },
    async deleteBefore({ topic, partition }, offset) {
      const [found] = await db<{ id: number }[]>`
        update lifestream.log_partitions p set start_offset = ${offset} from lifestream.log_topics t
        where t.id = p.topic_id and t.name = ${topic} and p.partition = ${partition} returning p.id`;
      await db`delete from lifestream.log_records where partition_id = ${found?.id ?? 0} and record_offset < ${offset}`;
    },
    sessionMs: SESSION_MS,
    until,
    async [Symbol.asyncDispose]() {
      killSpawnedMembers();
      await Promise.all(logs.map((log) => log.close()));
      await db.end();
      await pooler?.[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

const abilities = ["cutConnections", "deleteBefore"] as const;
logContract("embedded", embeddedUnderTest, { abilities });

if (!skippedFor(hasPgBouncer ? null : "PgBouncer"))
  logContract("embedded, behind a transaction pooler", () => embeddedUnderTest({ pooled: true }), { abilities });
else test.skip("no PgBouncer is installed here: the log behind a transaction pooler was not tried", () => {});
