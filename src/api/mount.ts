import type { Context, Hono } from "hono";
import type { ApiHost, ApiRequest, DomainApi, EndpointRoute, FormRoute, PageRoute } from "../engine/web/types.ts";
import { authorize } from "./auth.ts";
import { contentType, parseJson, readText } from "./body.ts";
import type { ServerDeps } from "./deps.ts";
import { onlySameOrigin } from "./guards.ts";
import type { Layout } from "./layout.ts";
import { pageResponse } from "./page-response.ts";
import { Problem } from "./problems.ts";

/** Builds what every domain puts on the web. */
export function domainApis(deps: ServerDeps): DomainApi[] {
  const host: ApiHost = {
    read: (query) => deps.reads.read(query),
    history: (subjectId, options) => deps.reads.history(subjectId, options),
    ingest: deps.ingest,
    now: deps.now,
  };
  return deps.registry.domains.flatMap((domain) => domain.api?.(host) ?? []);
}

/** A page: looked up, put into the layout, or a 404. */
export function mountPage(app: Hono, page: PageRoute, layout: Layout): void {
  app.get(page.path, async (c) => {
    const view = await page.render(requestOf(c));
    if (!view) throw new Problem(404, "There is nothing here, or not yet.");
    return pageResponse(c, layout(view, page.path));
  });
}

/** A form: only from our own pages; afterwards the browser is sent on, so that reloading sends nothing twice. */
export function mountForm(app: Hono, form: FormRoute, layout: Layout): void {
  app.post(form.path, onlySameOrigin, async (c) => {
    contentType(c, ["application/x-www-form-urlencoded"]);
    const outcome = await form.submit(new URLSearchParams(await readText(c, 64 * 1024)));
    if ("location" in outcome) return c.redirect(outcome.location, 303);
    return pageResponse(c, layout(outcome, form.path), 422);
  });
}

/** An endpoint: the token first, then the body. */
export function mountEndpoint(app: Hono, endpoint: EndpointRoute, deps: ServerDeps): void {
  app.on(endpoint.method, endpoint.path, async (c) => {
    const client = await authorize(c, deps.tokens, endpoint.scope);
    let body: unknown;
    if (endpoint.method === "POST") {
      contentType(c, ["application/json"]);
      body = parseJson(await readText(c));
    }
    const answer = await endpoint.handle({ ...requestOf(c), body, client: client.name });
    if (!answer) throw new Problem(404, "There is no such thing, or not yet.");
    return c.json(answer.body as object, answer.status ?? 200);
  });
}

function requestOf(c: Context): ApiRequest {
  return { params: c.req.param() as Record<string, string>, query: new URL(c.req.url).searchParams };
}
