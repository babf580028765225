import { subjectIdOf } from "../domains/links/subject.ts";
import type { FailureFilter } from "../engine/failures.ts";
import { MOMENT_FORMS, momentOf } from "../engine/moment.ts";

/** What was typed into the filter. */
export interface FilterFields {
  readonly type: string;
  readonly class: string;
  readonly subject: string;
  readonly since: string;
  readonly all: boolean;
}

/** Which failures a form is about: the ids chosen, or all that match. `problem`: what is wrong with the words of it. */
export interface Choice {
  readonly ids: readonly string[] | null;
  readonly filter: FailureFilter;
  readonly fields: FilterFields;
  readonly problem: string | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Most characters of a field that are looked at. */
const FIELD = 500;

export const isFailureId = (text: string): boolean => UUID.test(text);

/** One field of a form or a query, as Postgres can keep it. */
export function fieldOf(form: URLSearchParams, name: string): string {
  return (form.get(name) ?? "").replaceAll("\0", "").trim().slice(0, FIELD);
}

export function choiceOf(form: URLSearchParams, now: Date): Choice {
  const fields: FilterFields = {
    type: fieldOf(form, "type"),
    class: fieldOf(form, "class"),
    subject: fieldOf(form, "subject"),
    since: fieldOf(form, "since"),
    all: form.get("all") === "1",
  };
  const { type, class: errorClass, subject, since } = fields;
  const moment = since === "" ? null : momentOf(since, now);
  const filter: FailureFilter = {
    ...(type ? { type } : {}),
    ...(errorClass ? { errorClass } : {}),
    ...(subject ? { subjectId: subjectIdOf(subject) } : {}),
    ...(moment ? { since: moment } : {}),
    ...(fields.all ? { all: true } : {}),
  };
  const problem = since !== "" && moment === null ? `"${since}" is no time: give ${MOMENT_FORMS}.` : null;
  const ids = form.has("chosen") || form.has("id") ? form.getAll("id").filter(isFailureId) : null;
  return { ids, filter, fields, problem };
}

/** What was typed, by the fields' names; that decided ones are shown is no part of it. */
export function filterEntries({ all: _, ...texts }: FilterFields): [name: string, text: string][] {
  return Object.entries(texts).filter(([, text]) => text !== "");
}

/** What the desk is asked to act on; decided ones are acted on by id only. */
export function whichOf({ ids, filter: { all: _, ...open } }: Choice): readonly string[] | FailureFilter {
  return ids ?? open;
}

/** Who decides and why; where nothing is said, that it was at the page, and how. */
export function decidingOf(form: URLSearchParams, act: string, { ids, fields }: Choice) {
  const given = (["type", "class", "since", "subject"] as const).filter((name) => fields[name] !== "");
  const filter = given.map((name) => `${name} ${fields[name]}`).join(", ");
  const how = ids ? "by id" : filter ? `by filter: ${filter}` : "all of them";
  return {
    by: fieldOf(form, "by") || "web",
    source: "web",
    reason: fieldOf(form, "reason") || `${act} on the page, ${how}`,
  };
}
