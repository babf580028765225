import { expect, test } from "bun:test";
import type { FailureDetail, FailureFilter, FailureSummary } from "../engine/failures.ts";
import { NO_FAILURES, PORT, testWeb } from "./testing.ts";

const OWN = `http://127.0.0.1:${PORT}`;
const HOSTILE = `"><script>alert(1)</script>\u202e\u0000`;
const ID = "018f4e3a-0000-7000-8000-000000000001";

const summary: FailureSummary = {
  kind: "record",
  id: ID,
  type: HOSTILE,
  subjectId: HOSTILE,
  state: "open",
  error: HOSTILE,
  errorClass: HOSTILE,
  at: "2026-03-04T05:00:00.000Z",
  attempts: 0,
  redrives: 1,
  decision: { at: "2026-03-04T05:01:00.000Z", by: HOSTILE, reason: HOSTILE },
};

const detail: FailureDetail = {
  summary,
  outlook: { helps: false, text: HOSTILE },
  attempts: [{ round: 2, attempt: 1, at: summary.at, error: HOSTILE, errorClass: HOSTILE }],
  acts: [],
  original: { key: Buffer.from(HOSTILE), value: Buffer.from(HOSTILE), headers: { [HOSTILE]: HOSTILE }, place: HOSTILE },
};

/** A desk with one hostile failure that writes down what it is asked for. */
function desk() {
  const asked: unknown[] = [];
  const web = testWeb({
    failures: {
      ...NO_FAILURES,
      list: async (filter, page) => {
        asked.push(["list", filter, page]);
        return { failures: [summary], total: 12_345, next: "next-page" };
      },
      show: async (id) => (id === ID ? detail : null),
      redrive: async (which, person) => {
        asked.push(["redrive", which, person]);
        return { work: 7, records: 0, hopeless: 0, already: 0, skipped: [] };
      },
      discard: async (ids, person) => {
        asked.push(["discard", ids, person]);
        return { work: 1, records: 0, hopeless: 0, already: 0, skipped: [] };
      },
    },
  });
  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = { origin: OWN }) =>
    web.request(path, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  return { asked, web, post };
}

test("given hostile text in every field, when the pages are shown, then none of it is markup or steers anything", async () => {
  const { web } = desk();
  for (const path of ["/failures", `/failures?type=${encodeURIComponent(HOSTILE)}`, `/failures/${ID}`]) {
    const response = await web.request(path);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).toContain("&lt;script&gt;alert(1)");
    expect(text).not.toContain("<script>alert");
    // What the visitor typed stays in the field as it was.
    const shown = text.replace(/ value="[^"]*"/g, "");
    for (const character of ["\u202e", "\0"]) expect(shown).not.toContain(character);
  }
});

test("given a filter, when the list is asked for, then it is used, kept in the form and in the link to older ones", async () => {
  const { web, asked } = desk();
  const query = "type=fetch_link&class=http_5xx&subject=link%3A1&since=2h&all=1&after=abc";
  const text = await (await web.request(`/failures?${query}`)).text();
  const filter: FailureFilter = {
    type: "fetch_link",
    errorClass: "http_5xx",
    subjectId: "link:1",
    since: "2026-03-04T03:06:07.000Z",
    all: true,
  };
  expect(asked).toEqual([["list", filter, { after: "abc" }]]);
  expect(text).toContain("12,345 failures");
  expect(text).toContain("since=2h&amp;all=1&amp;after=next-page");
  expect(text).toContain('value="fetch_link"');
});

test("given a time that is none, when the list is asked for, then it says which forms there are", async () => {
  const text = await (await desk().web.request("/failures?since=soon")).text();
  expect(text).toContain("&quot;soon&quot; is no time");
  expect(text).not.toContain('action="/failures/redrive"');
});

test("given the forms, when sent from our pages, then the desk is told, and the browser sent on", async () => {
  const { post, asked } = desk();
  const one = await post("/failures/redrive", { id: ID, reason: " mended " });
  const many = await post("/failures/redrive", { class: "http_5xx", all: "1" });
  const closed = await post("/failures/discard", { id: ID, reason: "old" });
  expect([one, many, closed].map(({ status }) => status)).toEqual([303, 303, 303]);
  expect(one.headers.get("location")).toBe("/failures?done=redriven&count=7");
  expect(closed.headers.get("location")).toBe("/failures?done=discarded&count=1");
  expect(asked).toEqual([
    ["redrive", [ID], { by: "web", source: "web", reason: "mended" }],
    ["redrive", { errorClass: "http_5xx" }, { by: "web", source: "web", reason: null }],
    ["discard", [ID], { by: "web", source: "web", reason: "old" }],
  ]);
});

test("given no reason, when a failure is to be discarded, then its page asks for one", async () => {
  const { post, asked } = desk();
  const response = await post("/failures/discard", { id: ID, reason: "  " });
  expect(response.status).toBe(422);
  expect(await response.text()).toContain("Say why it is to be discarded.");
  expect(asked).toEqual([]);
});

test("given forms from elsewhere, when sent, then the desk is not told", async () => {
  const { post, asked } = desk();
  for (const headers of [{}, { origin: "https://evil.example.com" }, { origin: OWN, "sec-fetch-site": "cross-site" }]) {
    for (const path of ["/failures/redrive", "/failures/discard"]) {
      expect((await post(path, { id: ID, reason: "x" }, headers as Record<string, string>)).status).toBe(403);
    }
  }
  expect(asked).toEqual([]);
});

test.each(["/failures/nothing", `/failures/${ID.replace("1", "2")}`, "/failures/'%20or%201=1"])(
  "given %p, when asked for, then there is no such page",
  async (path) => {
    expect((await desk().web.request(path)).status).toBe(404);
  },
);

test("given a count that somebody made up, when the list is shown, then nothing is claimed", async () => {
  for (const query of ["done=redriven&count=<b>", "done=eaten&count=3", "done=redriven&count=-1"]) {
    expect(await (await desk().web.request(`/failures?${query}`)).text()).not.toContain('class="notice"');
  }
});

test("given a capture token, when it sends an act of the desk as an event, then it is refused", async () => {
  const { web } = desk();
  const body = { event_type: "work.discarded", subject_id: "link:1", payload: { work_id: ID, round: 1, by: "x" } };
  const headers = { authorization: "Bearer capture", "content-type": "application/json" };
  const response = await web.request("/api/events", { method: "POST", headers, body: JSON.stringify(body) });
  expect([response.status, web.ledger.size]).toEqual([422, 0]);
});
