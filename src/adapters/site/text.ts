/** Characters no feed or page may carry: control characters (not newline and tab) and Unicode's non-characters. */
const UNPRINTABLE = /[^\P{Cc}\n\t]|\p{Noncharacter_Code_Point}/gu;

/** Text that is legal in XML and HTML: well-formed Unicode without control characters. */
export function printable(text: string): string {
  return text.toWellFormed().replaceAll("\r\n", "\n").replace(UNPRINTABLE, " ").trim();
}

/** Cuts at `max` UTF-16 units, never inside a character, and says so with an ellipsis. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text
    .slice(0, max - 1)
    .replace(/\p{Cs}$/u, "")
    .trimEnd()}…`;
}

/** One printable line of at most `max` units. */
export function oneLine(text: string, max: number): string {
  // Cut before collapsing as well: somebody else's text may be megabytes of blanks.
  return clip(printable(text.slice(0, max * 4)).replace(/\s+/g, " "), max);
}

/** Printable paragraphs of at most `max` units in all. */
export function paragraphs(text: string, max: number): string {
  return clip(printable(text.slice(0, max * 4)).replace(/\s*\n\s*/g, "\n"), max);
}

/** The address as it may stand in an href: http(s) only, without the login a person's URL may carry. Else null. */
export function webUrl(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const parsed = new URL(url);
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") return null;
  parsed.username = "";
  parsed.password = "";
  return parsed.href;
}

/** Whose page it is, as people say it: the host without `www.`; empty for what is not on the web. */
export function hostOf(href: string | null): string {
  return href ? new URL(href).host.replace(/^www\./, "") : "";
}

/** An address for reading, not for following: no scheme, no `www.`, no bare slash at the end. */
export function readableUrl(href: string): string {
  return href.replace(/^https?:\/\/(www\.)?/, "").replace(/\/$/, "");
}

const MONTHS = "January February March April May June July August September October November December".split(" ");

/** `March 2025`, in UTC: the same on every machine, whatever its locale. */
export function monthOf(iso: string): string {
  const date = new Date(iso);
  return `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

/** `12 March 2025`, in UTC. */
export function dayOf(iso: string): string {
  return `${new Date(iso).getUTCDate()} ${monthOf(iso)}`;
}

/** `12 Mar`, in UTC. */
export function shortDayOf(iso: string): string {
  const date = new Date(iso);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]?.slice(0, 3)}`;
}

/** JSON that stays harmless where a browser is talked into reading it as HTML. */
export function safeJson(value: unknown): string {
  const json = JSON.stringify(value, null, 2);
  return `${json.replace(/[<>&]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}
