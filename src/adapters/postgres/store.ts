import type { Sql, Store, StoreTx } from "../../engine/store.ts";
import { createCatalog } from "./catalog.ts";
import { classify, type Database } from "./connect.ts";
import { createForwarding } from "./forwarding.ts";
import { createLeases } from "./leases.ts";
import { createLedger, txLedger } from "./ledger.ts";
import { createOutbox } from "./outbox.ts";
import { createPositions, txPositions } from "./positions.ts";
import { createSchedule } from "./schedule.ts";
import { txDeadLetters, txParked } from "./set-aside.ts";
import { createWake } from "./wake.ts";
import { txWork } from "./work.ts";

/** The store over Postgres. Every error that leaves it says whether the environment or the data is at fault. */
export function createPostgresStore(db: Database, url: string): Store {
  return {
    async transaction<T>(work: (tx: StoreTx) => Promise<T>): Promise<T> {
      try {
        return (await db.begin((sql) => work(storeTx(sql as unknown as Sql)))) as T;
      } catch (error) {
        throw classify(error);
      }
    },
    positions: classified(createPositions(db)),
    ledger: classified(createLedger(db)),
    leases: classified(createLeases(db)),
    outbox: classified(createOutbox(db)),
    schedule: classified(createSchedule(db)),
    catalog: classified(createCatalog(db)),
    forwarding: classified(createForwarding(db)),
    wake: classified(createWake(url)),
  };
}

function storeTx(sql: Sql): StoreTx {
  return {
    sql,
    positions: txPositions(sql),
    ledger: txLedger(sql),
    work: txWork(sql),
    deadLetters: txDeadLetters(sql),
    parked: txParked(sql),
    async savepoint(work) {
      try {
        return (await sql.savepoint((inner) => work(storeTx(inner as unknown as Sql)))) as never;
      } catch (error) {
        throw classify(error);
      }
    },
  };
}

/** The same object with every method's errors classified. */
function classified<T extends object>(part: T): T {
  const wrap =
    (method: (...args: never[]) => Promise<unknown>) =>
    async (...args: never[]) => {
      try {
        return await method.apply(part, args);
      } catch (error) {
        throw classify(error);
      }
    };
  return Object.fromEntries(Object.entries(part).map(([name, method]) => [name, wrap(method)])) as T;
}
