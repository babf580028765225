// Keeps the page current: asks for it again now and then, and swaps the parts marked data-live when they changed.
// The server renders everything; without this script the page is the same, only still.
const FAST_MS = 1000;
const SLOW_MS = 4000;
/** After the last change the page goes on asking fast for this long. */
const BUSY_MS = 20_000;
const TIMEOUT_MS = 8000;

let etag = null;
let changedAt = Date.now();
let timer = 0;

async function refresh() {
  clearTimeout(timer);
  if (document.hidden || document.querySelector("[data-live]") === null) return;
  try {
    const response = await fetch(location.href, {
      headers: { Accept: "text/html", ...(etag ? { "If-None-Match": etag } : {}) },
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 200) {
      etag = response.headers.get("ETag");
      swap(new DOMParser().parseFromString(await response.text(), "text/html"));
    }
    document.getElementById("offline").hidden = response.status < 500;
  } catch {
    document.getElementById("offline").hidden = false;
  }
  timer = setTimeout(refresh, Date.now() - changedAt < BUSY_MS ? FAST_MS : SLOW_MS);
}

function swap(page) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (fresh === null) {
      // What was being shown became something else (a problem went away): all of it is taken over.
      document.querySelector("main").replaceWith(page.querySelector("main"));
      changedAt = Date.now();
      return;
    }
    if (stillSame(part, fresh)) continue;
    keepOpen(part, fresh);
    part.replaceWith(fresh);
    changedAt = Date.now();
  }
  document.title = page.title;
  tick();
}

/** Relative times differ with every answer; they are counted here. */
function stillSame(part, fresh) {
  const text = (element) => {
    const copy = element.cloneNode(true);
    for (const time of copy.querySelectorAll("time[data-ago]")) time.textContent = "";
    for (const details of copy.querySelectorAll("details")) details.removeAttribute("open");
    return copy.innerHTML;
  };
  return text(part) === text(fresh);
}

/** What a person opened or chose, and where the focus is, stays so. */
function keepOpen(part, fresh) {
  for (const details of part.querySelectorAll("details[open]")) {
    fresh.querySelector(`#${CSS.escape(details.id)}`)?.setAttribute("open", "");
  }
  for (const box of part.querySelectorAll("input:checked")) {
    const same = fresh.querySelector(`#${CSS.escape(box.id)}`);
    if (same !== null) same.checked = true;
  }
  const focused = document.activeElement;
  if (!part.contains(focused) || focused === null) return;
  const all = [...part.querySelectorAll("a, summary, input")];
  const index = all.indexOf(focused);
  queueMicrotask(() => [...fresh.querySelectorAll("a, summary, input")][index]?.focus({ preventScroll: true }));
}

function tick() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const ms = Date.parse(time.dateTime) - now;
    const text = time.dataset.ago === "until" && ms < 1000 ? "now" : relativeTime(ms);
    if (time.textContent !== text) time.textContent = text;
  }
}

function relativeTime(ms) {
  const seconds = Math.abs(ms) / 1000;
  if (seconds < 1) return "just now";
  const [amount, unit] = inUnits(seconds);
  return ms < 0 ? `${amount} ${unit} ago` : `in ${amount} ${unit}`;
}

function inUnits(seconds) {
  if (seconds < 60) return [Math.floor(seconds), "s"];
  if (seconds < 3600) return [Math.floor(seconds / 60), "min"];
  if (seconds < 86_400) return [Math.floor(seconds / 3600), "h"];
  const days = Math.floor(seconds / 86_400);
  if (days < 60) return [days, days === 1 ? "day" : "days"];
  return days < 730 ? [Math.floor(days / 30), "months"] : [Math.floor(days / 365), "years"];
}

document.addEventListener("visibilitychange", refresh);
setInterval(tick, 1000);
refresh();
