import { BLOCKS, CELLS, LINES, UNREAD } from "./elements.ts";
import { TextWriter } from "./text-writer.ts";

const ELEMENT = 1;
const TEXT = 3;

export interface TextOptions {
  /** Elements left out besides those nobody reads. */
  readonly skip?: ReadonlySet<string>;
  /** Reads the root's children whatever the root is. */
  readonly rooted?: boolean;
}

/** The text of a tree as a person sees it: paragraphs apart, code as it stands. */
export function textOf(root: Node, { skip = new Set(), rooted = false }: TextOptions = {}): string {
  const writer = new TextWriter();
  const nodes = rooted ? [...root.childNodes] : [root];
  for (const node of nodes) write(node, writer, skip, false);
  return writer.toString();
}

function write(node: Node, writer: TextWriter, skip: ReadonlySet<string>, verbatim: boolean): void {
  if (node.nodeType === TEXT) {
    const text = node.nodeValue ?? "";
    if (verbatim) writer.verbatim(text);
    else writer.text(text);
    return;
  }
  const name = node.nodeType === ELEMENT ? node.nodeName.toLowerCase() : "";
  if (UNREAD.has(name) || skip.has(name)) return;
  separate(name, writer);
  for (let child = node.firstChild; child; child = child.nextSibling) {
    write(child, writer, skip, verbatim || name === "pre");
  }
  separate(name, writer);
}

/** What stands between an element and its neighbours. */
export function separate(name: string, writer: TextWriter): void {
  if (BLOCKS.has(name)) writer.paragraph();
  else if (LINES.has(name)) writer.line();
  else if (CELLS.has(name)) writer.space();
}
