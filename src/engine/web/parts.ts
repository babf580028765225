import { withoutLogins } from "../logins.ts";
import { type Html, html } from "./html.ts";

/** An address that may be a link: http and https only, whatever was stored. Null: show it as text. */
export function safeHref(url: string | null | undefined): string | null {
  if (!url || !URL.canParse(url)) return null;
  const parsed = new URL(url);
  return /^https?:$/.test(parsed.protocol) ? parsed.href : null;
}

/** The host of an address, as people say it; the text itself where it has none. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host.replace(/^www\./, "") || url : url;
}

/** An address without what every address has, and without a login; short enough to stand for a title. */
export function briefUrl(url: string): string {
  const text = withoutLogins(url)
    .replace(/^https?:\/\/(www\.)?/, "")
    .replace(/\/$/, "");
  return text.length > 90 ? `${text.slice(0, 89)}…` : text;
}

/** Text that leads out to an address, where that is safe. */
export function outward(url: string, text: string, className = "out"): Html {
  const href = safeHref(url);
  if (!href) return html`<span class="${className}">${text}</span>`;
  return html`<a class="${className}" href="${href}" rel="noopener noreferrer nofollow" target="_blank">${text}</a>`;
}

/** A coloured word for a state. The name becomes a class only if it is a plain word. */
export function chip(state: string, label = state): Html {
  return html`<span class="chip ${/^[a-z]+$/.test(state) ? `is-${state}` : ""}">${label}</span>`;
}

/** A moment as "3 min ago", exact in its title; the page's script keeps it current. */
export function ago(iso: string, now: Date): Html {
  return html`<time datetime="${iso}" title="${exactTime(iso)}" data-ago>${relativeTime(Date.parse(iso) - now.getTime())}</time>`;
}

/** A moment to come as "in 12 s"; "now" once it is there. */
export function until(iso: string, now: Date): Html {
  const text = upcomingTime(Date.parse(iso) - now.getTime());
  return html`<time datetime="${iso}" title="${exactTime(iso)}" data-ago="until">${text}</time>`;
}

/** Milliseconds until something, in words; never in the past. */
export function upcomingTime(ms: number): string {
  return ms < 1000 ? "now" : relativeTime(ms);
}

/** `2026-11-23 19:13:28.512 UTC`. */
export function exactTime(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)} UTC`;
}

/** Milliseconds from now in words: "just now", "12 s ago", "in 3 min", "2 days ago". */
export function relativeTime(ms: number): string {
  if (Number.isNaN(ms)) return "at an unknown time";
  const seconds = Math.abs(ms) / 1000;
  if (seconds < 1) return "just now";
  const [amount, unit] = inUnits(seconds);
  return ms < 0 ? `${amount} ${unit} ago` : `in ${amount} ${unit}`;
}

function inUnits(seconds: number): [number, string] {
  if (seconds < 60) return [Math.floor(seconds), "s"];
  if (seconds < 3600) return [Math.floor(seconds / 60), "min"];
  if (seconds < 86_400) return [Math.floor(seconds / 3600), "h"];
  const days = Math.floor(seconds / 86_400);
  if (days < 60) return [days, days === 1 ? "day" : "days"];
  return days < 730 ? [Math.floor(days / 30), "months"] : [Math.floor(days / 365), "years"];
}

/** How long something took: "412 ms", "3.2 s", "4 min 10 s", "27 h 5 min", "980 days". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24).toLocaleString("en")} days`;
}

/** Milliseconds between two stored times. */
export function between(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from);
}

/** `1 event`, `1,204 events`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}
