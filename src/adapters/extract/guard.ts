import { scanHtml } from "./scan.ts";

/** Deeper nesting holds tree walkers for seconds: 20,000 nested divs took Readability 20 s. */
export const MAX_DEPTH = 500;
/** More tags than any page a person reads; 200,000 links cost Readability 1.4 GB. */
const MAX_TAGS = 60_000;
/** Attributes of one tag are kept as a list that is searched for every new one. */
const MAX_ATTRIBUTE_MARKS = 2_000;

const VOID = new Set("area base br col embed hr img input link meta param source track wbr".split(" "));

/** Elements that end when one of the same kind begins, as parsers see it. */
const SELF_ENDING = new Set(["p", "li", "dt", "dd", "tr", "td", "th", "option", "optgroup"]);

/** Whether a page is safe to build a tree of. Measures nesting and size without building anything. */
export function isTame(html: string): boolean {
  const stack: string[] = [];
  let tags = 0;
  let tame = true;
  const judge = (fine: boolean): boolean => {
    tame = fine && ++tags <= MAX_TAGS;
    return tame;
  };
  scanHtml(html, {
    open(name, attributes) {
      if (SELF_ENDING.has(name) && stack.at(-1) === name) stack.pop();
      if (!VOID.has(name) && !attributes.endsWith("/")) stack.push(name);
      return judge(stack.length <= MAX_DEPTH && attributeMarks(attributes) <= MAX_ATTRIBUTE_MARKS);
    },
    close(name) {
      const index = stack.lastIndexOf(name);
      if (index >= 0) stack.length = index;
      return judge(true);
    },
    text() {},
  });
  return tame;
}

/** At least the number of attributes; long values with blanks count more, which no harm comes of. */
function attributeMarks(attributes: string): number {
  if (attributes.length < MAX_ATTRIBUTE_MARKS) return 0;
  const withoutValues = attributes.replace(/"[^"]*"|'[^']*'/g, "");
  return withoutValues.split(/\s+/).length;
}
