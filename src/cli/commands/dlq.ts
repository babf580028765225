import { userInfo } from "node:os";
import { subjectIdOf } from "../../domains/links/subject.ts";
import { UserError } from "../../engine/errors.ts";
import type {
  ActOptions,
  DeskReport,
  FailureDesk,
  FailureDetail,
  FailureFilter,
  FailureSummary,
} from "../../engine/failures.ts";
import { withoutLogins } from "../../engine/logins.ts";
import { MOMENT_FORMS, momentOf } from "../../engine/moment.ts";
import { renderBytes } from "../../engine/raw-bytes.ts";
import { count, exactTime } from "../../engine/web/parts.ts";
import { failureDeskOf } from "../../server.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { columns, cut, paint, plain } from "../format.ts";

const USAGE = "usage: dlq list | dlq show ID | dlq redrive [ID...] | dlq discard [ID...] --reason TEXT";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

type Options = CommandInput["options"];

/** The failure desk on the terminal: work that was given up and records that nobody could read. */
export async function dlq({ args: [action, ...ids], options }: CommandInput): Promise<void> {
  checkIds(ids);
  if (action === "list" && ids.length === 0) return withDesk((desk) => list(desk, options));
  if (action === "show" && ids.length === 1) return withDesk((desk) => show(desk, ids[0] ?? "", options));
  if (action === "redrive") return redrive(ids, options);
  if (action === "discard") return discard(ids, options);
  throw new UserError(USAGE, 2);
}

function checkIds(ids: readonly string[]): void {
  const wrong = ids.find((id) => !UUID.test(id));
  if (wrong !== undefined) throw new UserError(`"${plain(wrong)}" is no id: "npm run dlq -- list" shows them`, 2);
}

/** Runs with a desk at Postgres; Kafka is not asked. */
export async function withDesk<T>(work: (desk: FailureDesk) => Promise<T>): Promise<T> {
  await using app = await openCommandApp("dlq", { kafka: false });
  return await work(failureDeskOf(app));
}

/** Whoever decides at this terminal: `--by`, else who is logged in. `how` it was asked for, where `--reason` is not given. */
export function person({ by, reason }: Options, how: string) {
  const name = typeof by === "string" ? by : loginName();
  const why = typeof reason === "string" ? reason.trim() : "";
  return { by: name, source: "cli", reason: why || `${how}, from the terminal` };
}

/** Who is logged in. In a container a user often has a number and no name: Bun then says "unknown", Node throws. */
export function loginName(ask: () => { username: string; uid: number } = userInfo): string {
  try {
    const { username, uid } = ask();
    return username === "unknown" ? `uid ${uid}` : username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}

function filterOf({ type, class: errorClass, since, subject, all }: Options): FailureFilter {
  return {
    ...(typeof type === "string" ? { type } : {}),
    ...(typeof errorClass === "string" ? { errorClass } : {}),
    ...(typeof since === "string" ? { since: sinceOf(since) } : {}),
    ...(typeof subject === "string" ? { subjectId: subjectIdOf(subject) } : {}),
    ...(all ? { all: true } : {}),
  };
}

function sinceOf(text: string): string {
  const moment = momentOf(text, new Date());
  if (moment === null) throw new UserError(`"${plain(text)}" is no time: give ${MOMENT_FORMS}`, 2);
  return moment;
}

/** The number of an option such as `--limit`; throws UserError (2). */
export function numberOf(options: Options, name: string): number | undefined {
  const given = options[name];
  if (given === undefined) return undefined;
  if (!/^\d{1,9}$/.test(String(given))) throw new UserError(`"${plain(String(given))}" is no number`, 2);
  return Number(given);
}

async function list(desk: FailureDesk, options: Options): Promise<void> {
  const page = await desk.list(filterOf(options), { limit: Math.max(1, numberOf(options, "limit") ?? 50) });
  if (options.json) return console.log(JSON.stringify(page, null, 2));
  if (page.total === 0) return console.log("nothing has failed for good, as far as this asks");
  const heads = ["ID", "FAILED AT", "TYPE", "SUBJECT", "CLASS", "ERROR"].map((head) => paint("dim", head));
  console.log(columns([heads, ...page.failures.map(line)]));
  const more = page.total - page.failures.length;
  if (more > 0) console.log(paint("dim", `and ${count(more, "older one")}: --limit, or a filter`));
}

function line({ id, at, type, subjectId, errorClass, error, state, decision }: FailureSummary): string[] {
  const decided = state === "open" ? "" : ` ${state} by ${decision?.by ?? "?"}${because(decision?.reason)}`;
  return [
    id,
    exactTime(at),
    plain(type),
    plain(subjectId ?? "-"),
    plain(errorClass),
    `${paint("red", cut(plain(error), 100) || "no reason was given")}${paint("dim", plain(decided))}`,
  ];
}

const because = (reason: string | null | undefined) => (reason ? `: ${reason}` : "");

async function show(desk: FailureDesk, id: string, { json, raw }: Options): Promise<void> {
  const failure = await desk.show(id);
  if (!failure) throw new UserError(`nothing that failed has the id ${id}`);
  if (raw) return writeOut(failure.original.value);
  console.log(json ? JSON.stringify(printable(failure), null, 2) : render(failure));
}

/** The bytes alone and all of them, as they came. */
function writeOut(bytes: Uint8Array | null): Promise<void> {
  return new Promise((resolve, reject) =>
    process.stdout.write(bytes ?? new Uint8Array(), (error) => (error ? reject(error) : resolve())),
  );
}

/** Bytes are no JSON: to read, cut, and in base64, whole. */
function printable({ original: { key, value, headers, place }, ...failure }: FailureDetail) {
  const both = (bytes: Uint8Array | null) => ({
    ...renderBytes(bytes),
    base64: bytes === null ? null : bytes.toBase64(),
  });
  return { ...failure, original: { key: both(key), value: both(value), headers, place } };
}

function render({ summary, outlook, attempts, acts, original }: FailureDetail): string {
  const { kind, id, type, subjectId, state, error, errorClass, at } = summary;
  const facts = [
    ["id", id],
    ["what", kind === "work" ? `${type} of ${subjectId}` : `a record, ${original.place}`],
    ["state", state],
    ["failed", exactTime(at)],
    ["class", errorClass],
    ["error", error || "no reason was given"],
    ["redriven", `${summary.redrives} times`],
    ["redrive", `${outlook.helps ? "" : "does not help: "}${outlook.text}`],
  ];
  const tried = attempts.map(
    ({ at: failedAt, round, attempt, errorClass: failedAs, error: said }) =>
      `  ${exactTime(failedAt)}  round ${round}, attempt ${attempt}: ${plain(failedAs ?? "unexpected")}  ${paint("red", plain(said))}`,
  );
  const decided = acts.map(({ occurredAt, type: act, payload }) => {
    const said = `${act} by ${payload.by}${because(payload.reason as string | undefined)} (it was: ${payload.error})`;
    return `  ${exactTime(occurredAt)}  ${plain(said)}`;
  });
  return [
    columns(facts.map(([name = "", text = ""]) => [paint("dim", name), plain(text)])),
    ...section("attempts", tried),
    ...section("decided", decided),
    ...section("as it came", [
      ...Object.entries(original.headers).map(([name, text]) => `  ${plain(name)}: ${plain(text)}`),
      `  key: ${bytes(original.key)}`,
      `  ${bytes(original.value)}`,
    ]),
  ].join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`\n${paint("cyan", title)}`, ...lines];
}

function bytes(raw: Uint8Array | null): string {
  const { as, text, size, isCut } = renderBytes(raw);
  if (as === "nothing") return paint("dim", "nothing");
  return `${withoutLogins(text)}${paint("dim", ` ${as}, ${count(size, "byte")}${isCut ? ", cut here: --raw" : ""}`)}`;
}

async function redrive(ids: readonly string[], options: Options): Promise<void> {
  const { which, how, dryRun, ...choice } = choiceOf(ids, options);
  const who = person(options, `redriven ${how}`);
  const done = await withDesk((desk) => desk.redrive(which, who, { dryRun, ...choice }));
  report(done, dryRun ? "would be redriven" : "redriven");
}

async function discard(ids: readonly string[], options: Options): Promise<void> {
  const { which, how, dryRun, ...choice } = choiceOf(ids, options);
  if (!dryRun && !String(options.reason ?? "").trim()) throw new UserError("say why: --reason TEXT", 2);
  const who = person(options, `discarded ${how}`);
  const done = await withDesk((desk) => desk.discard(which, who, { dryRun, ...choice }));
  report(done, dryRun ? "would be discarded" : "discarded");
}

/** What an act is about, ids or a filter, and in words; throws UserError (2) for neither and for both. */
function choiceOf(
  ids: readonly string[],
  options: Options,
): ActOptions & { which: readonly string[] | FailureFilter; how: string; dryRun: boolean } {
  const filter = filterOf({ ...options, all: false });
  const isFiltered = Object.keys(filter).length > 0;
  if (ids.length > 0 && isFiltered) throw new UserError("give ids or a filter, not both", 2);
  if (ids.length === 0 && !isFiltered) {
    throw new UserError("which? give ids, or a filter: --type, --class, --since (--since 365d is one), --subject", 2);
  }
  const limit = numberOf(options, "limit");
  return {
    which: isFiltered ? filter : ids,
    how: isFiltered ? `by filter ${filterInWords(options)}` : "by id",
    dryRun: options.dryRun === true,
    ...(limit === undefined ? {} : { limit }),
  };
}

function filterInWords(options: Options): string {
  const given = ["type", "class", "since", "subject"].filter((name) => typeof options[name] === "string");
  return given.map((name) => `--${name} ${options[name]}`).join(" ");
}

/** Most different outlooks that are printed. */
const OUTLOOKS = 20;

/** Says how many; what could not be done makes the exit code 1. What was so before is done. */
export function report({ work, records, outlooks, already, unchanged, skipped, left }: DeskReport, done: string): void {
  console.log(`${count(work, "piece of work", "pieces of work")} and ${count(records, "record")} ${done}`);
  for (const { text, count: n } of outlooks.slice(0, OUTLOOKS)) console.log(`${n}: ${plain(text)}`);
  if (outlooks.length > OUTLOOKS) console.log(`and ${count(outlooks.length - OUTLOOKS, "other outlook")}`);
  if (already > 0) console.log(`${already} asked for before: the router has not come to it yet`);
  if (left > 0) console.log(`${left} more are beyond --limit`);
  for (const { id, why } of unchanged) console.log(`${id}: ${why}`);
  for (const { id, why } of skipped) console.error(`${id}: ${why}`);
  if (skipped.length > 0) throw new UserError(`${skipped.length} could not be ${done.replace("would be ", "")}`);
}
