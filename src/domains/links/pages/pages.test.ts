import { expect, test } from "bun:test";
import type { SubjectHistory, WorkItem } from "../../../engine/history.ts";
import { linkView } from "./link-view.ts";
import type { LinkSummary } from "./list-query.ts";
import { addForm, linkList } from "./list-view.ts";
import { sentence, workProgress } from "./words.ts";

const NOW = new Date("2026-03-04T05:06:07Z");
const HOSTILE = `"'><script>alert(1)</script><img src=x onerror=alert(2)>`;
const ADDED = "2026-03-04T05:05:00.000Z";

function link(more: Partial<LinkSummary> = {}): LinkSummary {
  return {
    subjectId: "link:0123456789abcdef",
    url: "https://www.example.com/a/",
    title: "A title",
    summary: null,
    tags: [],
    language: null,
    status: "new",
    visibility: "private",
    source: "web",
    addedAt: ADDED,
    publishedAt: null,
    lastError: null,
    work: null,
    ...more,
  };
}

const hostile = link({
  subjectId: `link:${HOSTILE}`,
  url: `javascript:${HOSTILE}`,
  title: HOSTILE,
  summary: HOSTILE,
  tags: [HOSTILE],
  language: HOSTILE,
  source: HOSTILE,
  lastError: HOSTILE,
  status: HOSTILE as never,
});

function history(link: LinkSummary): SubjectHistory {
  const event = {
    id: HOSTILE,
    type: HOSTILE,
    occurredAt: ADDED,
    receivedAt: ADDED,
    source: HOSTILE,
    subject: "link",
    subjectId: link.subjectId,
    schemaVersion: 1,
    payload: { title: HOSTILE },
    correlationId: null,
    causationId: null,
    position: 1,
  };
  const failed = {
    ...event,
    id: "f",
    type: "work.failed",
    payload: { work_message: { id: "w", attempt: 1 }, error: HOSTILE },
  };
  const parked = [{ eventId: "p", type: HOSTILE, waitsFor: HOSTILE }];
  const items = [work({ id: "w" }), work({ id: "v", type: HOSTILE, lastError: HOSTILE })];
  return {
    subjectId: link.subjectId,
    state: [],
    events: [event, failed],
    moreEvents: 2,
    work: items,
    moreWork: 0,
    parked,
  };
}

function work(more: Partial<WorkItem> = {}): WorkItem {
  return {
    id: "w",
    type: "fetch_link",
    status: "pending",
    attempt: 2,
    round: 1,
    maxAttempts: 3,
    agent: "fetcher",
    triggeredByEventId: HOSTILE,
    createdAt: ADDED,
    nextAttemptAt: "2026-03-04T05:06:19.500Z",
    startedAt: null,
    finishedAt: null,
    lastError: null,
    errorClass: null,
    ...more,
  };
}

const list = (links: readonly LinkSummary[], total = links.length) =>
  String(
    linkList({
      page: { links, next: null },
      counts: total > 0 ? new Map([["new", total]]) : new Map(),
      status: undefined,
      first: true,
      added: null,
      exception: "public",
      now: NOW,
    }),
  );

test.each([
  ["the list", list([hostile])],
  ["the page of a link", String(linkView(hostile, history(hostile), NOW))],
  ["the form", String(addForm({ url: HOSTILE, exception: "public", chosen: false, problem: HOSTILE }))],
])("given hostile text everywhere, when %s is shown, then all of it is text", (_, page) => {
  expect(page).toContain("&lt;script&gt;");
  expect(page).not.toMatch(/<script|<img|href="javascript/i);
  // No attribute was left early: outside of quotes there is no handler.
  expect(page.replace(/"[^"]*"/g, '""')).not.toMatch(/<[^>]*\son\w+=/i);
});

test("given links, when listed, then their page, host, state and reason are there", () => {
  const page = list([link({ status: "error", lastError: "the page answered 404 Not Found" })]);
  expect(page).toContain('href="/links/link:0123456789abcdef">A title</a>');
  expect(page).toContain(">example.com</a>");
  expect(page).toContain('class="chip is-error">error<');
  expect(page).toContain("The page answered 404 Not Found.");
});

test("given no link at all, when listed, then a newcomer learns what to do", () => {
  expect(list([])).toContain("npm run add -- link https://example.com/");
});

test.each([
  [{ status: "pending", attempt: 1 }, /^waiting to be read$/],
  [{ status: "pending", attempt: 2 }, /^attempt 2 of 3 <time [^>]*>in 12 s<\/time>$/],
  [{ status: "running", attempt: 1 }, /^reading the page …$/],
  [{ status: "dead", attempt: 1 }, /^given up after the first attempt/],
  [{ status: "dead", attempt: 3 }, /^given up after 3 attempts$/],
] as const)("given work %j, when said where it stands, then %p", (state, words) => {
  expect(String(workProgress(work(state), NOW))).toMatch(words);
});

test("given a reason, when shown, then it is a sentence, and a host's name stays as it is", () => {
  expect(sentence("no answer within 35 s")).toBe("No answer within 35 s.");
  expect(sentence("example.com refused the connection")).toBe("example.com refused the connection.");
  expect(sentence("")).toBe("No reason was given.");
});
