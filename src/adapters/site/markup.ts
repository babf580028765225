import { html } from "hono/html";

/** Escaped text, for HTML and XML alike: only entities both know are used. */
export type Markup = Exclude<ReturnType<typeof html>, Promise<unknown>>;

/** Tagged template that escapes every value which is not `Markup` itself. Nothing here is asynchronous. */
export function markup(strings: TemplateStringsArray, ...values: unknown[]): Markup {
  return html(strings, ...values) as Markup;
}

/** `markup` where there is something to show. */
export function when<T>(value: T | null | undefined | false | "", show: (value: T) => Markup): Markup | null {
  return value ? show(value) : null;
}

/** What there is, each on its own line. */
export function lines(...parts: readonly (Markup | readonly Markup[] | null)[]): Markup {
  const there = parts.flat().filter((part) => part !== null);
  return markup`${there.map((part, index) => (index === 0 ? part : markup`\n${part}`))}`;
}
