import type { EventStep, FailedAttempt, Step, WorkStep } from "../../../engine/history.ts";
import { type Html, html } from "../../../engine/web/html.ts";
import { ago, between, chip, duration, exactTime } from "../../../engine/web/parts.ts";
import { eventName, sentence, workName, workProgress } from "./words.ts";

/** Events and work one below the other: what caused what, when, and how long it took. */
export function chain(steps: readonly Step[], now: Date): Html {
  const started = steps[0]?.at;
  const row = (step: Step) => (step.kind === "event" ? eventRow(step, started) : workRow(step, started, now));
  return html`<ol class="chain">${steps.map(row)}</ol>`;
}

function eventRow({ event, cause, at }: EventStep, started: string | undefined): Html {
  return html`<li id="e-${event.id}" class="event">
  <p class="line"><b>${eventName(event)}</b>${since(at, started)}</p>
  <p class="soft"><code>${event.type}</code> <span>by ${event.source}</span>
    ${cause && html`<span>because of <a href="#e-${cause.id}">${eventName(cause)}</a></span>`}</p>
  ${details(event.id, event.payload)}
</li>`;
}

function workRow({ work, cause, failures, at }: WorkStep, started: string | undefined, now: Date): Html {
  const state = work.status === "done" ? null : workProgress(work, now);
  return html`<li id="w-${work.id}" class="work">
  <p class="line"><b>${workName(work.type)}</b> ${chip(work.status)}${since(at, started)}</p>
  <p class="soft"><code>${work.type}</code> ${tookOf(work)} ${state && html`<span class="doing">${state}</span>`}
    ${cause && html`<span>because of <a href="#e-${cause.id}">${eventName(cause)}</a></span>`}
    ${work.status === "dead" && html`<span><a href="/failures/${work.id}">decide</a></span>`}</p>
  ${failures.length > 0 && html`<ol class="attempts">${failures.map((failure) => attemptRow(failure, now))}</ol>`}
  ${failures.length === 0 && work.lastError && work.status !== "done" ? html`<p class="reason">${sentence(work.lastError)}</p>` : null}
</li>`;
}

/** How long it waited for its turn, and how long the last attempt took. */
function tookOf({ status, attempt, createdAt, startedAt, finishedAt }: WorkStep["work"]): Html | null {
  if (startedAt === null) return null;
  const waited = attempt === 1 ? html`<span>waited ${duration(between(createdAt, startedAt))}</span>` : null;
  const over = status === "done" || status === "dead" || status === "failed";
  if (!over || finishedAt === null || finishedAt < startedAt) return waited;
  const all =
    attempt > 1 ? html` <span>${attempt} attempts over ${duration(between(createdAt, finishedAt))}</span>` : null;
  return html`${waited} <span>took ${duration(between(startedAt, finishedAt))}</span>${all}`;
}

function attemptRow({ round, attempt, error, at }: FailedAttempt, now: Date): Html {
  return html`<li><span class="soft">${round > 1 ? `Round ${round}, attempt` : "Attempt"} ${attempt} failed ${ago(at, now)}</span> <span class="reason">${sentence(error)}</span></li>`;
}

/** Time since the chain began; the clock's time in the title. */
function since(at: string, started: string | undefined): Html {
  const text = started && at !== started ? `+ ${duration(between(started, at))}` : exactTime(at);
  return html`<time class="since" datetime="${at}" title="${exactTime(at)}">${text}</time>`;
}

function details(id: string, payload: unknown): Html {
  return html`<details id="d-${id}"><summary>what it says</summary><pre>${JSON.stringify(payload, null, 2)}</pre></details>`;
}
