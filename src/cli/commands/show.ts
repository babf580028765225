import { subjectIdOf } from "../../domains/links/subject.ts";
import { UserError } from "../../engine/errors.ts";
import type { StoredEvent } from "../../engine/event.ts";
import { failuresOf, type SubjectHistory, type WorkItem } from "../../engine/history.ts";
import { between, duration, exactTime, relativeTime } from "../../engine/web/parts.ts";
import { readModelOf } from "../../server.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { columns, cut, paint, plain } from "../format.ts";

/** All that is known of a subject, given by its id or, for a link, by its address. */
export async function show({ args: [given = ""], options }: CommandInput): Promise<void> {
  const subjectId = subjectIdOf(given);
  await using app = await openCommandApp("show", { kafka: false });
  const history = await readModelOf(app).history(subjectId, { full: options.json === true });
  if (!history) throw new UserError(`nothing is known of ${given}${given === subjectId ? "" : ` (${subjectId})`}`);
  console.log(options.json ? JSON.stringify(history, null, 2) : render(history));
}

function render(history: SubjectHistory): string {
  const parts = [paint("bold", history.subjectId)];
  for (const { table, rows, more } of history.state) {
    parts.push(heading(table, more > 0 ? `${more} older rows left out` : ""), rows.map(stateRow).join("\n\n"));
  }
  parts.push(heading("events", history.moreEvents > 0 ? `${history.moreEvents} older left out` : ""), events(history));
  parts.push(heading("work", history.moreWork > 0 ? `${history.moreWork} older left out` : ""));
  parts.push(history.work.map((work) => workItem(work, history.events)).join("\n") || "  none");
  if (history.parked.length > 0) {
    parts.push(
      heading("waiting"),
      columns(history.parked.map((one) => [`  ${one.type}`, `for ${plain(one.waitsFor)}`])),
    );
  }
  return parts.join("\n");
}

function heading(title: string, note = ""): string {
  return `\n${paint("cyan", title)}${note ? paint("dim", `  ${note}`) : ""}`;
}

function stateRow(row: Record<string, unknown>): string {
  const shown = Object.entries(row).filter(([, value]) => value !== null && value !== "");
  return columns(shown.map(([name, value]) => [`  ${paint("dim", name)}`, cut(plain(textOf(value)), 160)]));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function events({ events: list }: SubjectHistory): string {
  if (list.length === 0) return "  none";
  const number = new Map(list.map((event, index) => [event.id, index + 1]));
  const start = list[0]?.receivedAt ?? "";
  return columns(
    list.map((event, index) => [
      `  ${paint("dim", `${index + 1}`)}`,
      exactTime(event.receivedAt),
      paint("dim", index === 0 ? "" : `+${duration(between(start, event.receivedAt))}`),
      event.type === "work.failed" ? paint("red", event.type) : paint("bold", event.type),
      plain(event.source),
      `${cause(event, number)}${gist(event)}`,
    ]),
  );
}

/** What led to it: a number of this list, or an event of another subject. */
function cause(event: StoredEvent, number: ReadonlyMap<string, number>): string {
  if (event.causationId === null) return "";
  const known = number.get(event.causationId);
  return paint("dim", known === undefined ? `because of event ${event.causationId}` : `because of ${known}`);
}

function gist({ payload, type }: StoredEvent): string {
  const text = type === "work.failed" ? payload.error : (payload.fetch_error ?? payload.title);
  return typeof text === "string" ? `  ${cut(plain(text), 100)}` : "";
}

function workItem(work: WorkItem, list: readonly StoredEvent[]): string {
  const number = list.findIndex((event) => event.id === work.triggeredByEventId) + 1;
  const head = columns([
    [
      `  ${paint("bold", work.type)}`,
      paint(colourOf(work.status), work.status),
      `attempt ${work.attempt} of ${work.maxAttempts}${work.round > 1 ? `, round ${work.round}` : ""}`,
      timing(work),
      paint("dim", number > 0 ? `because of ${number}` : `because of event ${work.triggeredByEventId}`),
    ].filter((cell) => cell !== ""),
  ]);
  const failures = failuresOf(work, list).map(
    (failure) =>
      `    ${exactTime(failure.at)}  ${failure.round > 1 ? `round ${failure.round}, ` : ""}attempt ${failure.attempt} failed: ${paint("red", plain(failure.error))}`,
  );
  return [head, ...failures].join("\n");
}

function timing({ status, nextAttemptAt, startedAt, finishedAt }: WorkItem): string {
  if (status === "pending") return `due ${relativeTime(Date.parse(nextAttemptAt) - Date.now())}`;
  if (startedAt && finishedAt && finishedAt >= startedAt) return `took ${duration(between(startedAt, finishedAt))}`;
  return startedAt ? `since ${exactTime(startedAt)}` : "";
}

/** The colour of a state of work. */
export function colourOf(status: WorkItem["status"]): "green" | "red" | "blue" | "yellow" | "dim" {
  if (status === "done") return "green";
  if (status === "dead" || status === "failed") return "red";
  if (status === "running" || status === "queued") return "blue";
  return status === "pending" ? "yellow" : "dim";
}
