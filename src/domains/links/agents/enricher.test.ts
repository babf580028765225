import { describe, expect, test } from "bun:test";
import { TerminalError } from "../../../engine/errors.ts";
import type { Payload, StoredEvent } from "../../../engine/event.ts";
import { silentLogger } from "../../../engine/logger.ts";
import type { Work } from "../../../engine/work.ts";
import { contentHash } from "../content-hash.ts";
import { enrichmentCompleted } from "../events.ts";
import type { Content, Enricher, LinkLedger } from "../ports.ts";
import { createEnricher } from "./enricher.ts";

const LINK = "link:0123456789abcdef";
const TEXT = "Tomatoes grow well in pots when the soil drains freely and the sun shines.";
const context = { signal: new AbortController().signal, log: silentLogger, now: () => new Date(0) };

const work: Work<Payload & { content_event_id: string; content_hash: string }> = {
  ...{ id: "w1", type: "enrich_link", subjectId: LINK, correlationId: "c1", triggeredByEventId: "e1" },
  ...{ attempt: 1, round: 1, attemptsBefore: 0, maxAttempts: 3, createdAt: "2025-01-01T00:00:00Z", lastError: null },
  payload: { content_event_id: "e1", content_hash: "h" },
};

function stored(payload: Payload, change: Partial<StoredEvent> = {}): StoredEvent {
  return {
    ...{ id: "e1", occurredAt: "2025-01-01T00:00:00Z", receivedAt: "2025-01-01T00:00:00Z", source: "agent:fetcher" },
    ...{ subject: "link", subjectId: LINK, type: "content.fetched", schemaVersion: 1, payload },
    ...{ correlationId: "c1", causationId: null, position: 1 },
    ...change,
  };
}

/** A ledger in memory that knows these events and this catalog. */
function ledgerOf(events: StoredEvent[], catalog: string[] = []): LinkLedger {
  return {
    event: async (id) => events.find((event) => event.id === id) ?? null,
    eventsOf: async (subjectId) => events.filter((event) => event.subjectId === subjectId),
    tagCatalog: async () => catalog,
    published: async () => [],
  };
}

/** An enricher that keeps what it was asked. */
function recorder(name: string, language = "en") {
  const asked: { content: Content; catalog: readonly string[] }[] = [];
  const enricher: Enricher = {
    async enrich(content, { catalog }) {
      asked.push({ content, catalog });
      return { tags: ["tomato"], summaryShort: "Short.", summaryLong: "Long.", language, modelVersion: name };
    },
  };
  return { asked, enricher };
}

describe("createEnricher", () => {
  test("given fetched content, when run, then one enrichment of that link is returned, and its payload is valid", async () => {
    const payload = { title: "Pots", text_content: TEXT, final_url: "https://a.example/", declared_tags: ["a", 7] };
    const model = recorder("m1");
    const agent = createEnricher({ ledger: ledgerOf([stored(payload)], ["gardening"]), enricher: model.enricher });
    const events = await agent.run(work, context);
    expect(events).toEqual([
      {
        ...{ type: "enrichment.completed", subject: "link", subjectId: LINK },
        payload: {
          ...{ tags: ["tomato"], summary_short: "Short.", summary_long: "Long.", language: "en" },
          ...{ model_version: "m1", content_hash: contentHash(payload) },
        },
      },
    ]);
    expect(await enrichmentCompleted.payload["~standard"].validate(events[0]?.payload)).not.toHaveProperty("issues");
    expect(model.asked[0]).toMatchObject({ catalog: ["gardening"], content: { title: "Pots", declaredTags: ["a"] } });
  });

  test("given next to no text, when run, then the offline enricher answers and the model is not paid", async () => {
    const [model, local] = [recorder("m1"), recorder("local")];
    const ledger = ledgerOf([stored({ title: "Just a moment...", text_content: "  Checking your browser  " })]);
    const agent = createEnricher({ ledger, enricher: model.enricher, local: local.enricher });
    expect((await agent.run(work, context))[0]?.payload.model_version).toBe("local");
    expect(model.asked).toHaveLength(0);
  });

  test("given an undetermined language, when run, then the event has none", async () => {
    const ledger = ledgerOf([stored({ text_content: TEXT })]);
    const events = await createEnricher({ ledger, enricher: recorder("m1", "und").enricher }).run(work, context);
    expect(events[0]?.payload.language).toBeNull();
  });

  test.each([
    ["an unknown event", [], "is not in the ledger", "missing_content"],
    ["another link's content", [stored({}, { subjectId: "link:other" })], "not content of", "wrong_content"],
    ["an event of another type", [stored({}, { type: "link.added" })], "not content of", "wrong_content"],
    ["a failed fetch", [stored({ fetch_error: "404" })], "could not be read", "missing_content"],
  ])("given %s, when run, then it ends for good with a sentence that says why", async (_, events, says, errorClass) => {
    const failure = createEnricher({ ledger: ledgerOf(events), enricher: recorder("m1").enricher })
      .run(work, context)
      .then(
        () => null,
        (error: unknown) => error as TerminalError,
      );
    const error = await failure;
    expect(error).toBeInstanceOf(TerminalError);
    expect(error?.message).toContain(says);
    expect(error?.errorClass).toBe(errorClass);
  });
});
