import { type Context, Hono } from "hono";
import type { PageRoute } from "../engine/web/types.ts";
import { loadAssets, mountAssets } from "./assets.ts";
import { authorize } from "./auth.ts";
import { cors } from "./cors.ts";
import type { ServerDeps } from "./deps.ts";
import { mountEvents } from "./events.ts";
import { mountFailureBytes } from "./failure-bytes.ts";
import { isFailureId } from "./failure-fields.ts";
import { failurePages } from "./failures.ts";
import { answeredInTime, onlyKnownHosts, securityHeaders } from "./guards.ts";
import { createLayout, type Layout } from "./layout.ts";
import { domainApis, mountEndpoint, mountForm, mountPage } from "./mount.ts";
import { pageResponse } from "./page-response.ts";
import { mountProbes } from "./probes.ts";
import { problemView } from "./problem-view.ts";
import { Problem, problemResponse, toProblem } from "./problems.ts";
import { mountSite } from "./site-files.ts";
import { statusView } from "./status-view.ts";

/** The whole web application, without a port of its own: tests call it directly. */
export function createServerApp(deps: ServerDeps, port: () => number): Hono {
  const app = new Hono();
  const apis = domainApis(deps);
  const desk = failurePages(deps);
  const pages = [...apis.flatMap((api) => api.pages ?? []), ...desk.pages, statusPage(deps)];
  const forms = [...apis.flatMap((api) => api.forms ?? []), ...desk.forms];
  const assets = loadAssets();
  const layout = createLayout(navigationOf(pages), assets.version);

  app.use(securityHeaders, answeredInTime(), onlyKnownHosts(port, deps.allowedHosts ?? []));
  app.use("/api/*", cors(deps.corsOrigins));
  mountAssets(app, assets);
  mountProbes(app, deps);
  mountStatus(app, deps);
  for (const page of pages) mountPage(app, page, layout);
  for (const form of forms) mountForm(app, form, layout);
  for (const endpoint of apis.flatMap((api) => api.endpoints ?? [])) mountEndpoint(app, endpoint, deps);
  mountFailureBytes(app, deps.failures, isFailureId);
  mountEvents(app, deps);
  mountSite(app, deps.siteDirectory);
  app.notFound(() => {
    throw new Problem(404, "There is no such page.");
  });
  app.onError((error, c) => answerProblem(c, toProblem(error, deps.logger), layout));
  return app;
}

function statusPage(deps: ServerDeps): PageRoute {
  return {
    path: "/status",
    navigation: "Status",
    render: async () => ({ title: "Status", body: statusView(await deps.health(), deps.now()) }),
  };
}

function navigationOf(pages: readonly PageRoute[]) {
  const entries = pages.flatMap(({ path, navigation }) => (navigation ? [{ path, label: navigation }] : []));
  return [...entries, { path: "/site/", label: "Site" }];
}

/** A page for a person in a browser, JSON for programs. */
function answerProblem(c: Context, problem: Problem, layout: Layout): Response {
  const wantsPage = c.req.header("accept")?.includes("text/html") && !c.req.path.startsWith("/api/");
  if (!wantsPage || problem.status === 401) return problemResponse(c, problem);
  const view = problemView(problem, { mayPass: c.req.method === "GET" });
  return pageResponse(c, layout(view, c.req.path), problem.status);
}

function mountStatus(app: Hono, deps: ServerDeps): void {
  app.get("/api/status", async (c) => {
    await authorize(c, deps.tokens, "read");
    return c.json(await deps.health());
  });
}
