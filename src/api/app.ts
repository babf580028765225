import { Hono } from "hono";
import { html } from "../engine/web/html.ts";
import { loadAssets, mountAssets } from "./assets.ts";
import { authorize } from "./auth.ts";
import { cors } from "./cors.ts";
import type { ServerDeps } from "./deps.ts";
import { mountEvents } from "./events.ts";
import { onlyLoopbackHosts, securityHeaders } from "./guards.ts";
import { createLayout } from "./layout.ts";
import { domainApis, mountEndpoint, mountForm, mountPage } from "./mount.ts";
import { pageResponse } from "./page-response.ts";
import { Problem, problemResponse, toProblem } from "./problems.ts";
import { mountSite } from "./site-files.ts";
import { statusView } from "./status-view.ts";

/** The whole web application, without a port of its own: tests call it directly. */
export function createServerApp(deps: ServerDeps, port: () => number): Hono {
  const app = new Hono();
  const apis = domainApis(deps);
  const pages = apis.flatMap((api) => api.pages ?? []);
  const statusPage = {
    path: "/status",
    navigation: "Status",
    render: async () => ({ title: "Status", body: statusView(await deps.health(), deps.now()) }),
  };
  const entries = [...pages, statusPage].flatMap(({ path, navigation }) =>
    navigation ? [{ path, label: navigation }] : [],
  );
  const assets = loadAssets();
  const layout = createLayout([...entries, { path: "/site/", label: "Site" }], assets.version);

  app.use(securityHeaders, onlyLoopbackHosts(port));
  app.use("/api/*", cors(deps.corsOrigins));
  mountAssets(app, assets);
  mountHealth(app, deps);
  for (const page of [...pages, statusPage]) mountPage(app, page, layout);
  for (const form of apis.flatMap((api) => api.forms ?? [])) mountForm(app, form, layout);
  for (const endpoint of apis.flatMap((api) => api.endpoints ?? [])) mountEndpoint(app, endpoint, deps);
  mountEvents(app, deps);
  mountSite(app, deps.siteDirectory);

  app.notFound(() => {
    throw new Problem(404, "There is no such page.");
  });
  app.onError((error, c) => {
    const problem = toProblem(error, deps.logger);
    const wantsPage = c.req.header("accept")?.includes("text/html") && !c.req.path.startsWith("/api/");
    if (!wantsPage || problem.status === 401) return problemResponse(c, problem);
    return pageResponse(c, layout(problemView(problem), c.req.path), problem.status as 404);
  });
  return app;
}

function problemView({ status, detail }: Problem) {
  const title = status === 404 ? "Not found" : status === 503 ? "Just a moment" : "That did not work";
  return {
    title,
    body: html`<div class="empty" id="problem-page" data-live><h1>${title}</h1><p>${detail}</p><p><a href="/">Back to the links</a></p></div>`,
  };
}

function mountHealth(app: Hono, deps: ServerDeps): void {
  app.get("/healthz", (c) => c.json({ alive: true }));
  app.get("/readyz", async (c) => {
    const { postgres, kafka } = await deps.ready();
    const ready = postgres === null && kafka === null;
    return c.json({ ready, postgres: postgres ?? "ok", kafka: kafka ?? "ok" }, ready ? 200 : 503);
  });
  app.get("/api/status", async (c) => {
    await authorize(c, deps.tokens, "read");
    return c.json(await deps.health());
  });
}
