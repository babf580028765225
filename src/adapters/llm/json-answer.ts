/** An answer has some hundred characters; more than this is a model that ran away, and is not searched. */
const MAX_ANSWER = 20_000;
/** More `{` than this in one answer is not an answer. */
const MAX_STARTS = 20;

/**
 * The JSON objects an answer may hold, likeliest first: the whole of it, what a fence holds, an object after some
 * words, and last an object that was cut off, closed where it broke. The caller takes the first that is valid.
 */
export function* jsonCandidates(answer: string): Generator<unknown> {
  const text = answer
    .replace(/^\s*<think>[\s\S]*?<\/think>/, "")
    .trim()
    .slice(0, MAX_ANSWER);
  yield* parsed(text);
  for (const fence of text.matchAll(/```(?:json)?\s*([\s\S]*?)```/gi)) yield* parsed(fence[1] ?? "");
  let start = text.indexOf("{");
  const first = start;
  for (let tries = 0; start >= 0 && tries < MAX_STARTS; tries++) {
    const end = objectEnd(text, start);
    if (end !== null) yield* parsed(text.slice(start, end));
    start = text.indexOf("{", start + 1);
  }
  if (first >= 0) yield* parsed(closeTruncated(text.slice(first)));
}

function* parsed(text: string): Generator<unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (value && typeof value === "object" && !Array.isArray(value)) yield value;
  } catch {
    // Not JSON: the next candidate may be.
  }
}

function objectEnd(text: string, start: number): number | null {
  const state = scan(text.slice(start), true);
  return state.closedAt === null ? null : start + state.closedAt;
}

/**
 * Closes a JSON object that ends too early. A text that was cut inside a list is dropped, since half a tag is another
 * tag; a cut value of a key is kept, since half a summary can still be cut at a sentence.
 */
export function closeTruncated(text: string): string {
  const { open, stringStart } = scan(text, false);
  let kept = text;
  if (stringStart !== null) {
    const inList = open.at(-1) === "]";
    const isKey = open.at(-1) === "}" && !/:\s*$/.test(text.slice(0, stringStart));
    kept = inList || isKey ? text.slice(0, stringStart) : `${text.replace(/\\(?:u[0-9a-f]{0,3})?$/i, "")}"`;
  }
  // A number or a word is whole only when something follows it: `tr` may be the start of `true`.
  const dangling = kept.trimEnd().replace(/"(?:[^"\\]|\\.)*"\s{0,20}:\s{0,20}[\w.+-]*$/, "");
  return trimTail(dangling) + open.toReversed().join("");
}

/** Without white space and commas at the end; a loop, since `[\s,]+$` is slow on the blanks that models run away into. */
function trimTail(text: string): string {
  let end = text.length;
  while (end > 0 && /[\s,]/.test(text[end - 1] ?? "")) end--;
  return text.slice(0, end);
}

interface Scan {
  /** Closing brackets still owed, outermost first. */
  readonly open: string[];
  /** Where the text begins that has no end. */
  readonly stringStart: number | null;
  /** Just after the bracket that closes the first one. */
  readonly closedAt: number | null;
}

function scan(text: string, stopWhenClosed: boolean): Scan {
  const open: string[] = [];
  let stringStart: number | null = null;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (stringStart !== null) {
      if (character === "\\") i++;
      else if (character === '"') stringStart = null;
    } else if (character === '"') stringStart = i;
    else if (character === "{") open.push("}");
    else if (character === "[") open.push("]");
    else if (character === "}" || character === "]") {
      open.pop();
      if (open.length === 0 && stopWhenClosed) return { open, stringStart, closedAt: i + 1 };
    }
  }
  return { open, stringStart, closedAt: null };
}
