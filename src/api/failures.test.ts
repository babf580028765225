import { expect, test } from "bun:test";
import { subjectIdOf } from "../domains/links/subject.ts";
import { BrokenOffError, EnvironmentError } from "../engine/errors.ts";
import type { DeskReport, FailureDetail, FailureFilter, FailureSummary } from "../engine/failures.ts";
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

/** Of acting on several, some of which are decided already. */
const WOULD: DeskReport = {
  work: 7,
  records: 2,
  outlooks: [
    { helps: true, text: "it begins again", count: 7 },
    { helps: false, text: HOSTILE, count: 2 },
  ],
  already: 3,
  unchanged: [{ id: ID, why: "it was redriven, and is done" }],
  skipped: [],
  left: 0,
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
      redrive: async (which, person, how) => {
        asked.push(["redrive", which, person, ...(how ? [how] : [])]);
        if (how?.dryRun) return WOULD;
        return { work: 7, records: 0, outlooks: [], already: 0, unchanged: [], skipped: [], left: 0 };
      },
      discard: async (which, person, how) => {
        asked.push(["discard", which, person, ...(how ? [how] : [])]);
        if (how?.dryRun) return { ...WOULD, outlooks: [] };
        return { work: 1, records: 0, outlooks: [], already: 0, unchanged: [], skipped: [], left: 0 };
      },
    },
  });
  const post = (
    path: string,
    fields: Record<string, string> | string[][],
    headers: Record<string, string> = { origin: OWN },
  ) =>
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

test("given the address of a link, when the list is asked for, then it stands for its link", async () => {
  const { web, asked } = desk();
  const text = await (await web.request(`/failures?subject=${encodeURIComponent("https://example.com/a#b")}`)).text();
  expect(asked).toMatchObject([["list", { subjectId: subjectIdOf("https://example.com/a") }, {}]]);
  expect(text).toContain('value="https://example.com/a#b"');
});

test("given the forms, when sent from our pages, then the desk is told who and why, and the browser sent on", async () => {
  const { post, asked } = desk();
  const one = await post("/failures/redrive", { id: ID, by: " ada ", reason: " mended " });
  const many = await post("/failures/redrive", { class: "http_5xx", all: "1" });
  const closed = await post("/failures/discard", { id: ID, reason: "old" });
  expect([one, many, closed].map(({ status }) => status)).toEqual([303, 303, 303]);
  expect(one.headers.get("location")).toBe("/failures?done=redriven&count=7");
  expect(closed.headers.get("location")).toBe("/failures?done=discarded&count=1");
  expect(asked).toEqual([
    ["redrive", [ID], { by: "ada", source: "web", reason: "mended" }, LIMIT],
    ["redrive", { errorClass: "http_5xx" }, { by: "web", source: "web", reason: BY_CLASS }, LIMIT],
    ["discard", [ID], { by: "web", source: "web", reason: "old" }, LIMIT],
  ]);
});

const LIMIT = { limit: 1_000 };
const BY_CLASS = "redriven on the page, by filter: class http_5xx";

test("given failures that were chosen, when asked for, then it is told what would become of them before it is done", async () => {
  const { web, post, asked } = desk();
  const other = ID.replace("1", "2");
  const page = await web.request(`/failures/decide?chosen=1&act=redriven&id=${ID}&id=${other}`);
  const text = await page.text();
  expect(page.status).toBe(200);
  expect(asked).toMatchObject([["redrive", [ID, other], {}, { dryRun: true }]]);
  for (const words of ["Redrive 9 failures?", "7: it begins again", "2: &quot;&gt;&lt;script", "3 others: asked for"])
    expect(text).toContain(words);
  expect(text).toContain(`${ID}: it was redriven, and is done`);
  expect(text).toContain(`<input type="hidden" name="id" value="${other}">`);
  await post("/failures/redrive", [
    ["id", ID],
    ["id", other],
  ]);
  expect(asked.at(-1)).toMatchObject(["redrive", [ID, other], { reason: "redriven on the page, by id" }, LIMIT]);
});

test("given a filter, when its failures are to be discarded, then they are counted, and a reason is asked for", async () => {
  const { web, post, asked } = desk();
  const text = await (await web.request("/failures/decide?act=discarded&class=http_5xx")).text();
  expect(asked).toMatchObject([["discard", { errorClass: "http_5xx" }, {}, { dryRun: true }]]);
  expect(text).toContain("Discard 9 failures?");
  expect(text).toContain('<input type="hidden" name="class" value="http_5xx">');
  const without = await post("/failures/discard", { class: "http_5xx", reason: " " });
  expect([without.status, await without.text()]).toEqual([422, expect.stringContaining("Say why")]);
  expect(asked.map((act) => (act as unknown[]).at(-1))).toEqual([WOULD_DO, WOULD_DO]);
  await post("/failures/discard", { class: "http_5xx", reason: "old" });
  expect(asked.at(-1)).toEqual([
    "discard",
    { errorClass: "http_5xx" },
    { by: "web", source: "web", reason: "old" },
    LIMIT,
  ]);
});

const WOULD_DO = { dryRun: true, ...LIMIT };

test("given more failures than one request decides about, when asked for, then it says how many remain, and to press again", async () => {
  const report: DeskReport = { ...WOULD, work: 1_000, records: 0, left: 2_345 };
  const web = testWeb({ failures: { ...NO_FAILURES, redrive: async () => report } });
  const before = await (await web.request("/failures/decide?act=redriven&class=http_5xx")).text();
  expect(before).toContain("Redrive 1,000 failures?");
  expect(before).toContain("2,345 others of the same choice remain: press again for them afterwards.");
  const headers = { origin: OWN, "content-type": "application/x-www-form-urlencoded" };
  const sent = await web.request("/failures/redrive", { method: "POST", headers, body: "class=http_5xx" });
  const after = sent.headers.get("location") ?? "";
  expect(after).toContain("left=2345&class=http_5xx");
  const text = await (await web.request(after)).text();
  expect(text).toContain("2,345 failures of the same choice remain: once the list has followed, press again.");
  // What is pressed again is about the same choice.
  expect(text).toContain('<input name="class" value="http_5xx"');
});

test("given Postgres that goes away amid an act, when it was asked for on the page, then it says how many were decided", async () => {
  const redrive = async () => {
    throw new BrokenOffError(new EnvironmentError("ECONNREFUSED 10.0.0.1"), "600 failures were redriven before that.");
  };
  const web = testWeb({ failures: { ...NO_FAILURES, redrive } });
  const headers = { origin: OWN, "content-type": "application/x-www-form-urlencoded" };
  const answer = await web.request("/failures/redrive", { method: "POST", headers, body: "class=http_5xx" });
  const text = await answer.text();
  expect([answer.status, text]).toEqual([503, expect.stringContaining("600 failures were redriven before that.")]);
  expect(text).not.toContain("10.0.0.1");
  expect(text).not.toContain("nothing was changed");
});

test("given nothing that was chosen, when it is to be decided, then it says so, and no failure is acted on", async () => {
  const { web, asked } = desk();
  const page = await web.request("/failures/decide?chosen=1&act=redriven", { headers: { accept: "text/html" } });
  expect([page.status, await page.text()]).toEqual([422, expect.stringContaining("Choose at least one failure first")]);
  expect((await web.request("/failures/decide?act=eaten")).status).toBe(404);
  expect(asked).toEqual([]);
});

test("given what was decided before, when the list is shown, then each count is told as what it is", async () => {
  const { web } = desk();
  const notice = async (query: string) =>
    /class="notice" role="status">([^<]*)</.exec(
      await (await web.request(`/failures?done=redriven&${query}`)).text(),
    )?.[1];
  expect(await notice("count=0&already=2&unchanged=1&skipped=3")).toBe(
    "2 failures asked for before: the router has not come to it yet. 1 failure redriven before: nothing was left to do. 3 failures could not be redriven.",
  );
  expect(await notice("count=0")).toBe("Nothing was left to decide.");
});

test("given a failure's bytes, when asked for as a file, then they come exactly, and no browser shows them", async () => {
  const { web } = desk();
  for (const part of ["key", "value"]) {
    const response = await web.request(`/failures/${ID}/${part}`);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(HOSTILE));
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": `attachment; filename="${ID}.${part}"`,
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; sandbox",
    });
  }
  expect((await web.request(`/failures/${ID}/headers`)).status).toBe(404);
  expect((await web.request(`/failures/${ID.replace("1", "2")}/value`)).status).toBe(404);
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
