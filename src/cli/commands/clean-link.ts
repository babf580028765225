import type { App } from "../../app.ts";
import { cleanedEvent } from "../../domains/links/clean.ts";
import { subjectIdOf } from "../../domains/links/subject.ts";
import { chosenLinks } from "../../domains/links/visibility.ts";
import { UserError } from "../../engine/errors.ts";
import { ingest } from "../../pipeline/ingest.ts";
import { readModelOf } from "../../server.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { plain } from "../format.ts";
import { person } from "./dlq.ts";

/** `clean:link`: a link's tags and summary, or all that was read of it, are forgotten and made again. */
export async function cleanLink({ args, options }: CommandInput): Promise<void> {
  const [given] = args;
  if (!given || args.length > 1) throw new UserError("usage: clean:link LINK [--full] [--dry-run]", 2);
  await using app = await openCommandApp("clean:link", { kafka: false });
  const link = await knownLink(app, given);
  const full = options.full === true;
  const event = cleanedEvent(link, { ...person(options, full ? "cleaned in full" : "cleaned"), full });
  const what = full ? "what was read, tags and summary" : "tags and summary";
  const next = full ? "the page is read again" : "they are made again of what was read";
  if (options.dryRun) return console.log(`${plain(link.url)}: ${what} would be forgotten; ${next}`);
  const { store, registry } = app;
  await ingest([event], { store, registry, now: () => new Date() });
  console.log(`${plain(link.url)}: ${what} are forgotten; ${next}`);
}

async function knownLink(app: App, given: string) {
  const subjectId = subjectIdOf(given);
  const one = { after: "", limit: 1 };
  const [link] = await readModelOf(app).read((sql) => chosenLinks(sql, { ids: [subjectId] }, one));
  if (!link) throw new UserError(`there is no link "${plain(given)}": name its id or its address, as it was added`);
  return { ...link, events: await app.store.ledger.ofSubject(subjectId) };
}
