import { expect, test } from "bun:test";
import type { PipelineHealth } from "../engine/health.ts";
import { HEALTH, testWeb } from "./testing.ts";

type Kind = PipelineHealth["servers"]["transport"]["kind"];

/** The status page's text where that log carries the events and has this problem. */
async function pageOf(kind: Kind, kafkaProblem: string | null): Promise<string> {
  const servers = { ...HEALTH.servers, transport: { kind, why: "it was asked for" }, kafka: [], kafkaProblem };
  const stages = HEALTH.stages.map((stage) => ({ ...stage, lag: kafkaProblem === null ? 0 : null }));
  const web = testWeb({ health: async () => ({ ...HEALTH, servers, stages }) });
  return (await web.request("/status")).text();
}

test.each([
  ["kafka", "not yet in Kafka"],
  ["embedded", "not yet in the log"],
] as const)("given %s that answers, when the status page is opened, then it says %p", async (kind, unsent) => {
  const page = await pageOf(kind, null);
  expect(page).toContain("<h1>All caught up</h1>");
  expect(page).toContain(`<b>0</b> ${unsent}`);
  expect(page.includes("Kafka")).toBe(kind === "kafka");
});

test("given messages that were sent again, when the status page is opened, then it says how many, when and why", async () => {
  const latest = [
    { at: HEALTH.at, messages: 6, reason: "retention deleted <them>" },
    { at: HEALTH.at, messages: 7, reason: "before" },
  ];
  const page = await (
    await testWeb({ health: async () => ({ ...HEALTH, resent: { total: 2, latest } }) }).request("/status")
  ).text();
  expect(page).toMatch(/<b>6<\/b> messages sent again<small>.*: retention deleted &lt;them&gt;<\/small>/);
  expect(page).not.toContain("before");
});

test.each([
  ["kafka", "Kafka cannot be reached", "unknown: Kafka cannot be reached"],
  ["embedded", "The log in Postgres cannot be read", "unknown: the log in Postgres cannot be read"],
] as const)(
  "given %s that does not answer, when the status page is opened, then it says %p",
  async (kind, headline, lag) => {
    const page = await pageOf(kind, "no answer in time");
    expect(page).toContain(`<h1>${headline}</h1>`);
    expect(page).toContain(`>${lag}<`);
    expect(page).toContain(`<span class="reason">no answer in time</span>`);
    expect(page.includes("Kafka")).toBe(kind === "kafka");
  },
);
