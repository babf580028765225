import { type Html, html } from "../../../engine/web/html.ts";
import { ago, briefUrl, chip, hostOf, outward } from "../../../engine/web/parts.ts";
import type { Visibility } from "../subject.ts";
import { LINK_STATUSES, type LinkPage, type LinkStatus, type LinkSummary } from "./list-query.ts";
import { progress, sentence } from "./words.ts";

export interface ListModel {
  readonly page: LinkPage;
  readonly counts: ReadonlyMap<string, number>;
  readonly status: LinkStatus | undefined;
  /** False from the second page on: no form, nothing live above old links. */
  readonly first: boolean;
  /** The link that was just added from the page. */
  readonly added: { readonly id: string; readonly listed: boolean } | null;
  readonly exception: Visibility;
  readonly now: Date;
}

/** What was typed into the form, and what is wrong with it. */
export interface FormState {
  readonly url: string;
  /** The visibility that the box stands for, as the other one is the default. */
  readonly exception: Visibility;
  readonly chosen: boolean;
  readonly problem: string | null;
}

/** The form that adds a link. */
export function addForm({ url, exception, chosen, problem }: FormState): Html {
  return html`<form class="add" method="post" action="/links">
  <label class="visually-hidden" for="url">Address of a page</label>
  <input id="url" name="url" type="text" inputmode="url" placeholder="https://…" value="${url}" required maxlength="2000"
    autocomplete="off" autocapitalize="off" spellcheck="false"${problem ? html` aria-invalid="true" aria-describedby="problem" autofocus` : null}>
  <label class="check"><input name="visibility" type="checkbox" value="${exception}"${chosen ? html` checked` : null}> ${exception}</label>
  <button type="submit">Add link</button>
  ${problem && html`<p class="problem" id="problem" role="alert">${sentence(problem)}</p>`}
</form>`;
}

/** The list with its filter, kept current by the page's script. */
export function linkList({ page, counts, status, first, added, exception, now }: ListModel): Html {
  const total = [...counts.values()].reduce((sum, one) => sum + one, 0);
  return html`<section id="links" aria-label="Links"${first ? html` data-live` : null}>
${added && !added.listed ? html`<p class="notice" role="status">Added. <a href="/links/${added.id}">The link</a> is listed here as soon as the pipeline takes it on.</p>` : null}
${total > 0 ? filters(counts, total, status) : null}
${page.links.length > 0 ? html`<ul class="links">${page.links.map((link) => item(link, now, link.subjectId === added?.id))}</ul>` : empty(total, exception)}
${page.next ? html`<p class="pager"><a rel="next" href="${hrefOf(status, page.next)}">Older links</a></p>` : null}
</section>`;
}

function filters(counts: ReadonlyMap<string, number>, total: number, current: LinkStatus | undefined): Html {
  const filter = (status: LinkStatus | undefined, n: number) =>
    html`<a href="${hrefOf(status)}"${status === current ? html` aria-current="true"` : null}>${status ?? "all"} <b>${n.toLocaleString("en")}</b></a>`;
  const present = LINK_STATUSES.filter((status) => counts.has(status) || status === current);
  return html`<nav class="filters" aria-label="Filter by status">${filter(undefined, total)}
${present.map((status) => filter(status, counts.get(status) ?? 0))}</nav>`;
}

function hrefOf(status?: LinkStatus, after?: string): string {
  const query = new URLSearchParams({ ...(status ? { status } : {}), ...(after ? { after } : {}) }).toString();
  return query ? `/?${query}` : "/";
}

function item(link: LinkSummary, now: Date, fresh: boolean): Html {
  return html`<li id="${link.subjectId}"${fresh ? html` class="fresh"` : null}>
  <div class="line"><a class="title" dir="auto" href="/links/${link.subjectId}">${link.title?.trim() || briefUrl(link.url)}</a>${chip(link.status)}</div>
  <p class="soft">${outward(link.url, hostOf(link.url))} <span>${ago(link.addedAt, now)}</span>
    ${link.visibility === "public" ? html`<span>public</span>` : html`<span title="Never leaves this machine">private</span>`}
    ${progress(link, now)}</p>
  ${link.lastError && html`<p class="reason">${sentence(link.lastError)}</p>`}
  ${tagList(link.tags)}
</li>`;
}

/** A link's tags. */
export function tagList(tags: readonly string[]): Html | null {
  if (tags.length === 0) return null;
  return html`<ul class="tags" aria-label="Tags">${tags.map((tag) => html`<li dir="auto">${tag}</li>`)}</ul>`;
}

function empty(total: number, exception: Visibility): Html {
  if (total > 0) return html`<p class="empty">No link has this status.</p>`;
  return html`<div class="empty">
  <h2>Nothing here yet</h2>
  <p>Paste the address of a page above, or in a terminal:</p>
  <pre>npm run add -- link https://example.com/</pre>
  <p>You will see it go from <i>new</i> to <i>fetched</i>, <i>enriched</i> and <i>published</i> by itself.
  ${exception === "public" ? html`Links are private unless you say <i>public</i>; public` : html`Public`} ones come out in <a href="/site/">the site and its feed</a>.</p>
</div>`;
}
