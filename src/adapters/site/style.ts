/** The site's only style sheet: system fonts, light and dark, nothing loaded from anywhere. */
export const STYLE = `:root {
  color-scheme: light dark;
  --paper: #fcfbf8;
  --ink: #211f1c;
  --soft: #6d675f;
  --line: #e7e2d9;
  --chip: #f2eee6;
  --accent: #a63d14;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, Charter, Georgia, "Noto Serif", serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}

@media (prefers-color-scheme: dark) {
  :root {
    --paper: #17181a;
    --ink: #e8e5df;
    --soft: #a09a90;
    --line: #2d2e31;
    --chip: #242528;
    --accent: #f2a274;
  }
}

* { box-sizing: border-box; }

html { background: var(--paper); -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }

body {
  max-width: 46rem;
  margin: 0 auto;
  padding: clamp(1.5rem, 5vw, 4rem) clamp(1.125rem, 5vw, 2rem) 4rem;
  color: var(--ink);
  font: 1rem/1.6 var(--sans);
  overflow-wrap: anywhere;
}

h1, h2, h3, p, ul { margin: 0; padding: 0; }
a { color: inherit; text-decoration-thickness: 1px; text-underline-offset: 0.18em; }
a:hover { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 3px; }

.masthead { padding-bottom: 1.5rem; border-bottom: 1px solid var(--line); }
.masthead h1 { font: 600 clamp(2rem, 6vw, 2.75rem)/1.1 var(--serif); letter-spacing: -0.015em; text-wrap: balance; }
.masthead h1 a { text-decoration: none; }
.masthead p { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.25rem 1.5rem; margin-top: 0.75rem; color: var(--soft); }
.feeds { display: flex; gap: 1.25rem; }

section h2 {
  margin: 2.75rem 0 0.5rem;
  color: var(--accent);
  font: 600 0.8125rem/1.4 var(--sans);
  letter-spacing: 0.08em;
  text-transform: uppercase;
}

section article { padding: 1.25rem 0; }
section article + article { border-top: 1px solid var(--line); }
.day { color: var(--soft); font-size: 0.875rem; font-variant-numeric: tabular-nums; text-decoration: none; white-space: nowrap; }
.day:hover { text-decoration: underline; }
h3 { font: 600 1.1875rem/1.35 var(--serif); text-wrap: pretty; }
.title { text-decoration: none; }
a.title:hover { text-decoration: underline; }
.host { color: var(--soft); font-size: 0.875rem; }
.summary { margin-top: 0.5rem; text-wrap: pretty; }

.more { display: inline-block; margin-top: 0.375rem; color: var(--accent); font-size: 0.9375rem; }

.tags { display: flex; flex-wrap: wrap; gap: 0.375rem; margin-top: 0.75rem; list-style: none; }
.tags li { padding: 0.0625rem 0.625rem; border-radius: 1rem; background: var(--chip); color: var(--soft); font-size: 0.8125rem; }

.empty { padding: 4rem 0; color: var(--soft); text-align: center; }
.pager { display: flex; justify-content: space-between; margin-top: 2rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
.pager a:only-child[rel="next"] { margin-left: auto; }

.home { font: 600 1.0625rem/1.4 var(--serif); padding-bottom: 1rem; border-bottom: 1px solid var(--line); }
.home a { text-decoration: none; }
.home a::before { content: "←"; margin-right: 0.5em; color: var(--accent); font-family: var(--sans); }
.link { padding-top: clamp(1.75rem, 5vw, 3rem); }
.link .host { display: flex; flex-wrap: wrap; gap: 0 0.75rem; }
.link h1 { margin-top: 0.5rem; font: 600 clamp(1.625rem, 5vw, 2.375rem)/1.2 var(--serif); letter-spacing: -0.01em; text-wrap: balance; }
.link p[dir] { margin-top: 1.125rem; font-size: 1.0625rem; line-height: 1.7; text-wrap: pretty; }
.link p.lead { font: 1.25rem/1.6 var(--serif); }
.link .tags { margin-top: 1.75rem; }
.source { display: flex; flex-wrap: wrap; align-items: center; gap: 0.625rem 1rem; margin-top: 2rem; padding-top: 1.75rem; border-top: 1px solid var(--line); }
.go { flex: none; padding: 0.5rem 1.125rem; border-radius: 2rem; background: var(--accent); color: var(--paper); font-weight: 600; text-decoration: none; }
a.go:hover { color: var(--paper); filter: brightness(1.1); }
span.go { background: var(--chip); color: var(--soft); }
.address { flex: 1 1 12rem; color: var(--soft); font-size: 0.875rem; line-height: 1.4; }

@media (min-width: 42rem) {
  section article { display: grid; grid-template-columns: 4.5rem 1fr; }
  .day { padding-top: 0.2rem; }
}
`;
