import { html } from "../engine/web/html.ts";
import type { PageView } from "../engine/web/types.ts";
import type { Problem } from "./problems.ts";

/** What a person sees of a problem. `mayPass`: the page looks again by itself, and goes on when it is over. */
export function problemView({ status, detail }: Problem, { mayPass }: { mayPass: boolean }): PageView {
  const title = status === 404 ? "Not found" : status === 503 ? "Just a moment" : "That did not work";
  return {
    title,
    body: html`<div class="empty" id="problem-page"${mayPass ? html` data-live` : null}>
<h1>${title}</h1>
<p>${detail}</p>
<p><a href="/">Back to the links</a></p>
</div>`,
  };
}
