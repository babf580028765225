import type { App } from "../../app.ts";
import type { LinkStatus } from "../../domains/links/pages/list-query.ts";
import type { Visibility } from "../../domains/links/subject.ts";
import { subjectIdOf } from "../../domains/links/subject.ts";
import { type ChosenLink, chosenLinks, type LinkChoice, visibilityChanged } from "../../domains/links/visibility.ts";
import { UserError } from "../../engine/errors.ts";
import { count } from "../../engine/web/parts.ts";
import { ingest } from "../../pipeline/ingest.ts";
import { readModelOf } from "../../server.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { plain } from "../format.ts";
import { person } from "./dlq.ts";

const BATCH = 500;
/** Named one by one; of more, only how many. */
const SHOWN = 20;
const STATUSES: readonly LinkStatus[] = ["new", "fetched", "enriched", "published", "error"];

/** `admin:set-visibility`: an event for each link that is not yet as it should be. */
export async function setVisibility({ args, options }: CommandInput): Promise<void> {
  const visibility = visibilityOf(args[0]);
  const given = args.slice(1);
  const choice = choiceOf(given, options);
  await using app = await openCommandApp("admin:set-visibility", { kafka: false });
  const { store, registry } = app;
  const [seen, changed] = [new Set<string>(), [] as ChosenLink[]];
  let total = 0;
  for await (const links of batches(app, choice)) {
    const others = links.filter((link) => link.visibility !== visibility);
    for (const { subjectId } of links) seen.add(subjectId);
    if (!options.dryRun) {
      const events = others.map(({ subjectId }) =>
        visibilityChanged(subjectId, visibility, person(options, `made ${visibility}`)),
      );
      await ingest(events, { store, registry, now: () => new Date() });
    }
    changed.push(...others.slice(0, SHOWN - changed.length));
    total += others.length;
  }
  for (const { subjectId, url } of changed) console.log(`${plain(subjectId)}  ${plain(url)}`);
  if (total > changed.length) console.log(`... and ${total - changed.length} more`);
  const verb = options.dryRun ? "would become" : total === 1 ? "becomes" : "become";
  console.log(`${count(total, "link")} ${verb} ${visibility}${already(seen.size - total, visibility)}`);
  const unknown = given.filter((one) => !seen.has(subjectIdOf(one)));
  if (unknown.length > 0) throw new UserError(`there is no link ${unknown.map((one) => `"${plain(one)}"`).join(", ")}`);
}

function already(links: number, visibility: Visibility): string {
  return links > 0 ? `; ${links} ${links === 1 ? "is" : "are"} ${visibility} already` : "";
}

function visibilityOf(given: string | undefined): Visibility {
  if (given === "private" || given === "public") return given;
  throw new UserError("usage: admin:set-visibility private|public [LINK...] [--all] [--status STATUS] [--dry-run]", 2);
}

function choiceOf(given: readonly string[], { all, status }: CommandInput["options"]): LinkChoice {
  if (status !== undefined && !STATUSES.includes(status as LinkStatus))
    throw new UserError(`"${plain(String(status))}" is no status: ${STATUSES.join(", ")}`, 2);
  if (given.length > 0 && all) throw new UserError("either the links, or --all", 2);
  if (given.length === 0 && !all && status === undefined)
    throw new UserError("which links? Name their ids or addresses, or say --all, or --status STATUS", 2);
  return {
    ...(given.length > 0 ? { ids: given.map(subjectIdOf) } : {}),
    ...(status === undefined ? {} : { status: status as LinkStatus }),
  };
}

async function* batches(app: App, choice: LinkChoice): AsyncGenerator<ChosenLink[]> {
  const { read } = readModelOf(app);
  for (let after = ""; ; ) {
    const links = await read((sql) => chosenLinks(sql, choice, { after, limit: BATCH }));
    if (links.length > 0) yield links;
    if (links.length < BATCH) return;
    after = links.at(-1)?.subjectId ?? after;
  }
}
