import { lines, type Markup, markup, when } from "./markup.ts";

/** What every page and feed of a site shares. */
export interface SiteInfo {
  readonly title: string;
  /** Absolute, with a slash at the end. */
  readonly baseUrl: string;
}

/** No scripts, no frames, nothing from elsewhere: a page shows text and its own style sheet. */
const POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'";

interface Page {
  readonly title: string;
  readonly description: string;
  /** Where the page lies below the site's base. */
  readonly path: string;
  readonly kind: "website" | "article";
  readonly body: Markup;
}

/** The whole document around a page's body. Links inside a page are relative, so the site works from any folder. */
export function layout(site: SiteInfo, page: Page): string {
  const root = "../".repeat(page.path.split("/").length - 1);
  return `${markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title}</title>
${about(site, page)}
<link rel="alternate" type="application/rss+xml" title="${site.title}" href="${root}feed.xml">
<link rel="alternate" type="application/feed+json" title="${site.title}" href="${root}feed.json">
<link rel="stylesheet" href="${root}style.css">
</head>
<body>
${page.body}
</body>
</html>
`}`;
}

/** What search engines and previews read. */
function about(site: SiteInfo, page: Page): Markup {
  return lines(
    when(page.description, (text) => markup`<meta name="description" content="${text}">`),
    markup`<meta property="og:type" content="${page.kind}">`,
    markup`<meta property="og:title" content="${page.title}">`,
    when(page.description, (text) => markup`<meta property="og:description" content="${text}">`),
    markup`<link rel="canonical" href="${new URL(page.path, site.baseUrl).href}">`,
  );
}
