import type { App } from "../../src/app.ts";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import type { NewEvent } from "../../src/engine/event.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { DEAD_HOST, idOf } from "../support/link-mix.ts";

/** Captures so many events, at the time that this clock tells. */
export type Capture = (count: number, now?: () => Date) => Promise<void>;

/** Returns what captures about so many events, of all kinds, on subjects old and new. */
export function capture(
  { store, registry }: Pick<App, "store" | "registry">,
  origin: string,
  random: () => number,
  { links = 0.15 }: { links?: number } = {},
): Capture {
  let captured = 0;
  /** Todos that were completed before they are created. */
  const early: number[] = [];
  const event = (): NewEvent => {
    captured += 1;
    const earlier = Math.floor(random() * captured);
    const kind = random();
    if (kind < links) return linkAddedEvent({ url: urlOf(origin, captured), source: "test", visibility: "public" });
    const other = random();
    if (other < 0.1) return note(earlier, idOf(urlOf(origin, earlier)));
    if (other < 0.35) return created(early.length > 5 ? early.shift() : captured);
    if (other < 0.37) {
      early.push(captured);
      return todo("todo.completed", captured, {});
    }
    if (other < 0.5) return todo("todo.completed", earlier, {});
    const payload = { celsius: Math.round(random() * 400) / 10 };
    const sensor = `sensor:${Math.floor(random() * 20)}`;
    return { type: "temp.reading_recorded", subject: "sensor", subjectId: sensor, payload };
  };
  return async (count, now = () => new Date()) => {
    await ingest(Array.from({ length: count }, event), { store, registry, now });
  };
}

/** Whether such a page can never be read. */
export function isHopeless(url: string): boolean {
  const { host, pathname } = new URL(url);
  return host === DEAD_HOST || pathname.startsWith("/404/");
}

/** Of twenty links one is gone and one has a host that nobody answers for. */
function urlOf(origin: string, n: number): string {
  if (n % 20 === 3) return `${origin}/404/${n}`;
  return n % 20 === 7 ? `http://${DEAD_HOST}/${n}` : `${origin}/ok/${n}`;
}

function created(n = 0): NewEvent {
  return todo("todo.created", n, { title: `todo ${n}`, labels: ["home"] });
}

function todo(type: string, n: number, payload: Record<string, unknown>): NewEvent {
  return { type, subject: "todo", subjectId: `todo:${n}`, payload };
}

function note(n: number, link: string): NewEvent {
  const annotation_id = crypto.randomUUID();
  const payload = { annotation_id, link_subject_id: link, quote: `quote ${n}`, note: `note ${n}` };
  return { type: "annotation.added", subject: "annotation", subjectId: `annotation:${annotation_id}`, payload };
}
