import { afterAll, beforeAll, expect, test } from "bun:test";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { actIds } from "../../src/engine/failure-acts.ts";
import type { FailurePage } from "../../src/engine/failures.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { killLeftCommands, runCommand } from "../support/commands.ts";
import { idOf, statuses } from "../support/link-mix.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { isApplied, settled } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 120_000;

let pages: TestPages;
let world: TestApp;
let urls: string[];
/** Of who looks after it, with no more rights than that takes. */
let env: Record<string, string>;

beforeAll(async () => {
  pages = await servePages();
  urls = ["/ill/1", "/ill/2", "/ok/3", "/ok/4", "/ok/5", "/ok/6"].map((path) => pages.origin + path);
  world = await createTestApp({ FETCH_ALLOW_HOSTS: pages.host, LINK_DEFAULT_VISIBILITY: "public" });
  env = (await world.logins()).env("admin");
}, TEST_MS);

afterAll(async () => {
  await killLeftCommands();
  await world[Symbol.asyncDispose]();
  await pages[Symbol.asyncDispose]();
}, TEST_MS);

const run = () => world.runUntil(world.stages(), () => settled(world.app));
async function output(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(args, env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

/** What a command writes, which need not be text. */
async function printedBytes(args: readonly string[]): Promise<Buffer> {
  const command = [process.execPath, "--no-env-file", "src/cli/main.ts", ...args];
  const child = Bun.spawn(command, {
    env: { PATH: process.env.PATH, ...env },
    stdout: "pipe",
    stderr: "inherit",
  });
  const bytes = await new Response(child.stdout).bytes();
  expect(await child.exited).toBe(0);
  return Buffer.from(bytes);
}

async function add(some: readonly string[]): Promise<void> {
  const { store, registry } = world.app;
  const events = some.map((url) => linkAddedEvent({ url, source: "test" }));
  await ingest(events, { store, registry, now: () => new Date() });
}

async function failures(...args: string[]): Promise<FailurePage["failures"]> {
  return (JSON.parse(await output(["dlq", "list", "--json", ...args])) as FailurePage).failures;
}

test(
  "given links whose page was gone, when redriven after it is back, then they are published, and asked for once more each",
  async () => {
    await add(urls.slice(0, 2));
    await run();
    const [first, ...others] = await failures("--class", "http_4xx", "--type", "fetch_link", "--since", "1h");
    expect([others.length, first?.kind, first?.attempts]).toEqual([1, "work", 1]);
    const [listed, shown, would] = await Promise.all([
      output(["dlq", "list", "--subject", urls[0] ?? ""]),
      output(["dlq", "show", first?.id ?? ""]),
      output(["retry:failed", "--dry-run"]),
    ]);
    expect(listed).toMatch(/fetch_link +link:\S+ +http_4xx +the page answered 404/);
    expect(shown).toContain("round 1, attempt 1: http_4xx  the page answered 404");
    expect(shown).toContain('"max_attempts":3');
    expect(shown).toContain("begins again at attempt 1 of 3, as round 2");
    pages.mend();
    expect(would).toContain("2 pieces of work and 0 records would be redriven");
    expect(would).toContain("2: it begins again at attempt 1 of 3, as round 2");
    expect(await output(["retry:failed", "--limit", "1", "--by", "ada"])).toContain(
      "1 piece of work and 0 records redriven",
    );
    expect(await output(["dlq", "redrive", "--type", "fetch_link", "--reason", "it is back"])).toMatch(
      /^1 piece of work and 0 records redriven\n1 asked for before/,
    );
    await run();
    expect(Object.values(await statuses(world.app))).toEqual(["published", "published"]);
    expect([...pages.requests.values()]).toEqual([2, 2]);
    const [history, open, all] = await Promise.all([output(["show", urls[0] ?? ""]), failures(), failures("--all")]);
    expect(history).toMatch(/work\.redriven/);
    expect(history).toMatch(/fetch_link +done +attempt 1 of 3, round 2/);
    expect([open, all.map(({ state }) => state)]).toEqual([[], ["redriven", "redriven"]]);
    expect(all.map(({ decision }) => decision?.reason)).toContain("redriven by retry:failed, from the terminal");
    expect(await output(["dlq", "redrive", first?.id ?? ""])).toMatch(
      /^0 pieces .*\n\S+: it was redriven, and is done\n$/,
    );
  },
  TEST_MS,
);

test(
  "given a record that nobody can read, when seen to at the terminal, then its bytes come exactly, and each act counts",
  async () => {
    const id = crypto.randomUUID();
    // More than a pipe holds at a time, and no text.
    const key = Buffer.from("k\\n");
    const value = Buffer.concat([Buffer.from('{"half\\u0000\r\n\0'), Buffer.alloc(300_000, 0xfe)]);
    const record = { id, stage: "router", topic: "events.raw", partition: 0, offset: 7, key, value, headers: {} };
    const failure = { error: "Expected '}'", errorClass: "invalid_json" };
    await world.app.store.transaction((tx) => tx.deadLetters.put([{ ...record, ...failure }]));
    const [listed, shown, json, would] = await Promise.all([
      output(["dlq", "list", "--class", "invalid_json"]),
      output(["dlq", "show", id]),
      output(["dlq", "show", id, "--json"]),
      output(["dlq", "redrive", id, "--dry-run"]),
    ]);
    expect(listed).toMatch(new RegExp(`${id}.* events\\.raw +k\\\\n +invalid_json +Expected`));
    expect(shown).toContain("a record, events.raw, partition 0, offset 7");
    expect(shown).toContain("300,015 bytes, cut here: --raw");
    expect(JSON.parse(json).original).toMatchObject({
      key: { base64: key.toBase64() },
      value: { base64: value.toBase64() },
    });
    expect(await printedBytes(["dlq", "show", id, "--raw"])).toEqual(value);
    expect(would).toMatch(/^0 pieces of work and 1 record would be redriven\n1: it would fail again: /);
    expect(await output(["dlq", "redrive", id])).toContain("0 pieces of work and 1 record redriven");
    await run();
    expect(await failures("--class", "wrong_encoding")).toMatchObject([{ id, state: "open", redrives: 1 }]);
    expect(await output(["dlq", "discard", id, "--reason", "not ours"])).toContain(
      "0 pieces of work and 1 record discarded",
    );
    await run();
    expect(await failures("--all", "--class", "wrong_encoding")).toMatchObject([
      { id, state: "discarded", decision: { reason: "not ours" } },
    ]);
    expect(await output(["dlq", "discard", id, "--reason", "again"])).toContain(`${id}: it was discarded already`);
    const acts = await world.app.store.ledger.find(actIds("record", id, 1));
    expect(acts.map(({ type, payload }) => [type, payload.reason])).toEqual([
      ["record.redriven", "redriven by id, from the terminal"],
      ["record.discarded", "not ours"],
    ]);
    const unknown = await runCommand(["dlq", "redrive", crypto.randomUUID()], env);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining("nothing that failed has this id") });
  },
  TEST_MS,
);

test(
  "given work and a link without a way on, when recovered, then each is named with its reason and goes all the way",
  async () => {
    const { db } = world.app;
    const [lost = "", gone = "", forgotten = "", passed = ""] = urls.slice(2).map(idOf);
    await add(urls.slice(2));
    const idle = (await world.stages()).filter(({ name }) => name !== "fetcher");
    await world.runUntil(idle, async () => {
      const queued = await db`select 1 from lifestream.work where status = 'queued'`;
      return queued.length === 4 && (await isApplied(world.app, ["router-v1", "materializer-v1"]));
    });
    // Its message never reached the topic; its agent died, and so did the dispatcher; its work was never asked for; its
    // message was passed by.
    await db`update lifestream.work set kafka_offset = 1000000 where subject_id = ${lost}`;
    await db`update lifestream.work set status = 'running', agent = 'fetcher', lease_until = now() - interval '1 hour'
      where subject_id = ${gone}`;
    await db`delete from lifestream.work where subject_id = ${forgotten}`;
    await db`
      insert into lifestream.kafka_offsets (consumer_group, topic, partition, last_offset)
      select 'who passed it by', 'work.fetch_link', kafka_partition, kafka_offset from lifestream.work
      where subject_id = ${passed}`;
    await db`delete from lifestream.leases`;
    const found = await output(["recover:stuck", "--dry-run"]);
    expect(found).toMatch(new RegExp(`${lost} +fetch_link +its message is not in the topic`));
    expect(found).toMatch(new RegExp(`${gone} +fetch_link +its agent is gone`));
    expect(found).toMatch(new RegExp(`${forgotten} +new, and nothing is done about it +\\(asks for fetch_link\\)`));
    expect(found).toMatch(new RegExp(`${passed} +fetch_link +its message was passed by`));
    expect(found).toContain("4 items would be moved on");
    expect(await output(["recover:stuck"])).toContain("4 items moved on");
    expect(await db`select messages from lifestream.resent_messages`).toEqual([{ messages: 1 }] as never);
    await run();
    expect(Object.values(await statuses(world.app))).toEqual(urls.map(() => "published"));
    expect(await output(["recover:stuck"])).toBe("nothing is stuck\n");
  },
  TEST_MS,
);
