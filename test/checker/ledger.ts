import type { App } from "../../src/app.ts";
import type { Payload } from "../../src/engine/event.ts";

/** An event as the ledger has it. */
export interface Fact {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly subjectId: string;
  readonly source: string;
  /** As Postgres writes it in JSON, with all its digits. */
  readonly at: string;
  readonly payload: Payload;
  readonly position: number;
}

const BATCH = 5_000;

/** All events in ledger order, but for those whose record was set aside and that nobody has redriven. */
export async function* readLedger({ db }: Pick<App, "db">): AsyncGenerator<Fact> {
  const aside = await eventsAside({ db });
  for (let last = 0; ; ) {
    const rows = await db<Fact[]>`
      select id, event_type as type, subject, subject_id as "subjectId", source, to_jsonb(occurred_at) #>> '{}' as at,
        payload, position
      from lifestream.events where position > ${last} order by position limit ${BATCH}`;
    if (rows.length === 0) return;
    for (const row of rows) if (!aside.has(row.id)) yield row;
    last = rows.at(-1)?.position ?? last;
  }
}

async function eventsAside({ db }: Pick<App, "db">): Promise<Set<string>> {
  const rows = await db<{ value: Buffer | null }[]>`
    select record_value as value from lifestream.dead_letters where topic = 'events.raw' and status <> 'redriven'`;
  return new Set(rows.flatMap(({ value }) => idIn(value)));
}

function idIn(value: Buffer | null): string[] {
  try {
    const { id } = JSON.parse(value?.toString() ?? "");
    return typeof id === "string" ? [id.toLowerCase()] : [];
  } catch {
    return []; // Nobody's event.
  }
}
