import { placeInTopic } from "../engine/failures.ts";
import type { Latest, PipelineHealth, StageLag } from "../engine/health.ts";
import { LOG_WORDS } from "../engine/log-words.ts";
import { type Html, html } from "../engine/web/html.ts";
import { ago, chip, count } from "../engine/web/parts.ts";
import { WORK_STATUSES, workMatrix } from "./work-matrix.ts";

/** Pipeline health as a page. */
export function statusView(health: PipelineHealth, now: Date): Html {
  return html`<div id="status" data-live class="status">
<h1>${headline(health)}</h1>
${overview(health, now)}
<section><h2>Stages</h2>${stages(health, now)}</section>
<section><h2>Work</h2>${work(health)}</section>
${deadWork(health, now)}
${deadRecords(health, now)}
${tooNew(health, now)}
${health.deadWork.total + health.deadRecords.total > 0 && html`<p><a href="/failures">Decide about failures</a></p>`}
${parked(health, now)}
<section><h2>Servers</h2>${servers(health)}</section>
</div>`;
}

function headline({ servers, stages, ledger }: PipelineHealth): string {
  if (servers.kafkaProblem) return LOG_WORDS[servers.transport.kind].away.replace(/^./, (first) => first.toUpperCase());
  const behind = stages.reduce((sum, stage) => sum + (stage.lag ?? 0), 0) + ledger.unpublished;
  return behind === 0 ? "All caught up" : `${count(behind, "record")} under way`;
}

function overview(
  { servers, ledger, resent, deadWork, deadRecords, parked: waiting }: PipelineHealth,
  now: Date,
): Html {
  const figure = (value: number | string, label: string, note: Html | string | null = null, bad = false) =>
    html`<div class="${bad ? "figure bad" : "figure"}"><b>${typeof value === "number" ? value.toLocaleString("en") : value}</b> ${label}${note && html`<small>${note}</small>`}</div>`;
  const [anew] = ledger.flowedAnew.latest;
  const [again] = resent.latest;
  const oldest = ledger.oldestUnpublishedAt && html`oldest ${ago(ledger.oldestUnpublishedAt, now)}`;
  return html`<div class="figures">
${figure(ledger.exact ? ledger.events : `≈ ${ledger.events.toLocaleString("en")}`, "events in the ledger")}
${figure(ledger.unpublished, LOG_WORDS[servers.transport.kind].unsent, oldest)}
${anew && figure(anew.events, "sent again", html`${ago(anew.at, now)}: ${anew.reason}`)}
${again && figure(again.messages, "messages sent again", html`${ago(again.at, now)}: ${again.reason}`)}
${figure(deadWork.total + deadRecords.total, "dead letters", null, deadWork.total + deadRecords.total > 0)}
${figure(waiting.total, "waiting for a parent")}
</div>`;
}

function stages({ stages: list, servers }: PipelineHealth, now: Date): Html {
  const unknown = `unknown: ${servers.kafkaProblem ? LOG_WORDS[servers.transport.kind].away : "a topic is missing"}`;
  const row = (stage: StageLag) => html`<tr><th scope="row">${stage.stage}</th><td>${stage.topics.join(", ")}</td>
<td>${stage.lag === null ? html`<span class="soft">${unknown}</span>` : stage.lag === 0 ? chip("done", "caught up") : chip("running", `${stage.lag.toLocaleString("en")} behind`)}</td>
<td class="soft">${stage.movedAt ? ago(stage.movedAt, now) : "never"}</td></tr>`;
  return table(["Stage", "Reads", "Lag", "Last moved"], list.map(row), "stages");
}

function work({ work: counts }: PipelineHealth): Html {
  if (counts.length === 0) return html`<p class="soft">No work has been asked for yet.</p>`;
  const rows = workMatrix(counts).map(
    ({ type, byStatus }) =>
      html`<tr><th scope="row">${type}</th>${byStatus.map((n, i) => html`<td class="${n === 0 ? "n zero" : `n n-${WORK_STATUSES[i]}`}">${n.toLocaleString("en")}</td>`)}</tr>`,
  );
  return table(["Work", ...WORK_STATUSES], rows, "numbers");
}

function deadWork({ deadWork: dead }: PipelineHealth, now: Date): Html | null {
  if (dead.total === 0) return null;
  const row = (item: (typeof dead.latest)[number]) => html`<li>
<p class="line"><span><b>${item.type}</b> of ${subject(item.subjectId)}</span>${item.at && html`<span class="soft">${ago(item.at, now)}</span>`}</p>
<p class="reason">${item.error || "No reason was given"}</p>
<p class="soft">${count(item.attempts, "attempt")}${item.errorClass && html` <code>${item.errorClass}</code>`}</p></li>`;
  return listed("Work that failed for good", dead, dead.latest.map(row));
}

function deadRecords({ deadRecords: dead }: PipelineHealth, now: Date): Html | null {
  if (dead.total === 0) return null;
  const row = (item: (typeof dead.latest)[number]) => html`<li>
<p class="line"><span><b>${item.topic}</b> ${placeInTopic(item)}</span><span class="soft">${ago(item.at, now)}</span></p>
<p class="reason">${item.error}</p>
<p class="soft">set aside by ${item.stage} <code>${item.errorClass}</code></p></li>`;
  return listed("Records nobody could process", dead, dead.latest.map(row));
}

function tooNew({ tooNew: waiting }: PipelineHealth, now: Date): Html | null {
  if (waiting.total === 0) return null;
  const row = (item: (typeof waiting.latest)[number]) => html`<li><p class="line">
<span>${count(item.events, "event")}: ${item.error}</span><span class="soft">${ago(item.since, now)}</span></p></li>`;
  return listed("Events that wait for a newer program", waiting, waiting.latest.map(row));
}

function parked({ parked: waiting }: PipelineHealth, now: Date): Html | null {
  if (waiting.total === 0) return null;
  const row = (item: (typeof waiting.latest)[number]) => html`<li><p class="line">
<span>${count(item.events, "event")} of ${item.projection} for ${subject(item.waitsFor)}</span><span class="soft">${ago(item.since, now)}</span></p></li>`;
  return listed("Events that wait for their parent", waiting, waiting.latest.map(row));
}

function servers({ servers: used, leases }: PipelineHealth): Html {
  const { kind, why } = used.transport;
  const kafka = used.kafka.length === 0 ? "not configured" : used.kafka.join(", ");
  const log = kind === "kafka" ? html`<code>${kafka}</code>` : "embedded, tables in Postgres";
  return html`<dl>
<dt>Postgres</dt><dd><code>${used.postgres}</code>${used.pooler ? " through a transaction pooler: no LISTEN, so new things are noticed a little later" : null}</dd>
<dt>${kind === "kafka" ? "Kafka" : "Log"}</dt><dd>${log} <span class="soft">${why}</span>${used.kafkaProblem && html` <span class="reason">${used.kafkaProblem}</span>`}</dd>
${leases.map((lease) => html`<dt>${lease.name}</dt><dd><code>${lease.holder}</code>${lease.held ? null : html` <span class="soft">its lease ran out</span>`}</dd>`)}
</dl>`;
}

function subject(id: string): Html {
  return id.startsWith("link:") ? html`<a href="/links/${id}"><code>${id}</code></a>` : html`<code>${id}</code>`;
}

function listed(title: string, { total, latest }: Latest<unknown>, rows: readonly Html[]): Html {
  const more =
    total > latest.length
      ? html`<p class="soft">The latest ${latest.length} of ${total.toLocaleString("en")}.</p>`
      : null;
  return html`<section><h2>${title}</h2><ul class="letters">${rows}</ul>${more}</section>`;
}

function table(heads: readonly string[], rows: readonly Html[], className = ""): Html {
  return html`<div class="scroll"><table class="${className}"><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}
