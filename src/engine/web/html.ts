import { html as template } from "hono/html";

/** Escaped markup. Only `html` makes it, so text of others cannot become markup by accident. */
export type Html = Exclude<ReturnType<typeof template>, Promise<unknown>>;

/** Tagged template that escapes every value which is not `Html` itself; lists are joined, null and false are nothing. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return template(strings, ...values) as Html;
}

export type HtmlValue = string | number | Html | null | undefined | false | readonly HtmlValue[];
