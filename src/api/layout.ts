import { type Html, html } from "../engine/web/html.ts";
import type { PageView } from "../engine/web/types.ts";

/** Puts a page's body into the document around it; `path` says which entry of the navigation is current. */
export type Layout = (view: PageView, path: string) => Html;

interface Entry {
  readonly path: string;
  readonly label: string;
}

/** The document around every page. Without JavaScript it reloads itself now and then. */
export function createLayout(navigation: readonly Entry[], version: string): Layout {
  return (view, path) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${view.title} · stream-agents</title>
<link rel="stylesheet" href="/assets/${version}/app.css">
<link rel="icon" href="/assets/${version}/icon.svg" type="image/svg+xml">
<link rel="alternate" type="application/rss+xml" title="Feed" href="/site/feed.xml">
<script src="/assets/${version}/live.js" defer></script>
<noscript><meta http-equiv="refresh" content="${view.refreshSeconds ?? 5}"></noscript>
</head>
<body>
<header><a class="brand" href="/">stream-agents</a>
<nav aria-label="Pages">${navigation.map((entry) => html`<a href="${entry.path}"${entry.path === path ? html` aria-current="page"` : null}>${entry.label}</a>`)}</nav>
</header>
<p id="offline" class="offline" role="status" hidden>The server does not answer. What you see may be out of date.</p>
<main>
${view.body}
</main>
</body>
</html>
`;
}
