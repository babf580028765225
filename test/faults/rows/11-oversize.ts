import { ingest } from "../../../src/pipeline/ingest.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

const MEGABYTES = 5;

export const oversize: FaultRow = {
  number: 11,
  title: "oversized record (5 MB page)",
  expected: "by reference; one row never blocks a batch",
  deadlineSeconds: 60,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    life.startAll();
    await life.capture(50);
    const title = "x".repeat(MEGABYTES * 1024 * 1024);
    const { store, registry } = life.world.app;
    const events = [1, 2, 3].map((n) => ({
      type: "todo.created",
      subject: "todo",
      subjectId: `todo:big:${n}`,
      payload: { title },
    }));
    await ingest(events, { store, registry, now: () => new Date() });
    // Few characters that compress well and are many bytes; a page as large as is read, of such text; names too large.
    const text = "\u6F22".repeat(400_000);
    await ingest([{ type: "todo.created", subject: "todo", subjectId: "todo:cjk", payload: { title: text } }], {
      store,
      registry,
      now: () => new Date(),
    });
    await life.captureLink("/big/page");
    const [unsendable] = await life.world.app.db<{ id: string }[]>`
      insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
      values (now(), repeat('s', 1200000), 'todo', 'todo:names', 'todo.created', '{"title": "x"}') returning id`;
    await life.capture(50);
    const recoveredMs = await life.untilSettled(60_000);
    await requireRead(life);
    const what = `3 events of ${MEGABYTES} MB, 400,000 characters of CJK, a page of 5 MB, a source of 1.2 MB, amid small ones`;
    const incomplete = /^1 subject could not be compared, as 1 event that was set aside can be read now/;
    // A record of its size cannot be, with its payload or without.
    const aside = [unsendable?.id ?? ""];
    return await outcomeOf(life, what, recoveredMs, [], { incomplete, aside });
  },
};

/** The page was read and published. */
async function requireRead({ world: { app } }: Life): Promise<void> {
  const [link] = await app.db<{ status: string; bytes: number }[]>`
    select status, octet_length(text_content) as bytes from lifestream.links join lifestream.link_content using (subject_id)
    where url like '%/big/page'`;
  if (link?.status !== "published" || link.bytes < 1_000_000)
    throw new Error(`the big page is ${link?.status}, with ${link?.bytes} bytes of text`);
}
