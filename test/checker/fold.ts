import type { App } from "../../src/app.ts";
import { Annotations } from "./annotations.ts";
import { readLedger } from "./ledger.ts";
import { Links } from "./links.ts";
import type { ExpectedTable } from "./table.ts";
import { Temperature } from "./temperature.ts";
import { Todos } from "./todos.ts";

/** What the state tables have to hold, told from the ledger alone and by none of the projections' own code. */
export async function foldLedger({ db, config }: Pick<App, "db" | "config">): Promise<ExpectedTable[]> {
  const domains = [new Links(config.defaultVisibility), new Todos(), new Temperature(), new Annotations()];
  for await (const fact of readLedger({ db })) for (const domain of domains) domain.apply(fact);
  const parked = { name: "parked_events", key: ["projection", "event_id"], rows: domains.flatMap((d) => d.parked()) };
  return [...domains.flatMap((domain) => domain.tables()), parked];
}
