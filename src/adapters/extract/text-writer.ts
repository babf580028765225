/** Characters after which nothing more is written: well above what is kept, so that a cut is noticed. */
const MAX_LENGTH = 1_500_000;

/** Writes running text the way a page shows it: blanks collapsed, blocks apart, no two words glued together. */
export class TextWriter {
  readonly #parts: string[] = [];
  #length = 0;
  #breaks = 0;
  #space = false;

  /** Text of the page; line ends in it mean nothing. */
  text(source: string): void {
    const collapsed = source.replace(/[\s\u00a0]+/g, " ");
    const trimmed = collapsed.trim();
    if (collapsed.startsWith(" ")) this.#space = true;
    if (!trimmed) return;
    this.#write(trimmed);
    this.#space = collapsed.endsWith(" ");
  }

  /** Text whose line ends and indentation count, e.g. code. */
  verbatim(source: string): void {
    // No regular expression for the end: `\n+$` takes quadratic time on a page full of line ends.
    if (source.trim()) this.#write(source.trimEnd().replace(/\r\n?/g, "\n"));
    if (source.endsWith("\n")) this.line();
    else if (/\s$/.test(source.slice(-1))) this.#space = true;
  }

  /** At least a blank between what was written and what comes. */
  space(): void {
    this.#space = true;
  }

  /** What comes begins on a new line. */
  line(): void {
    this.#breaks = Math.max(this.#breaks, 1);
  }

  /** What comes begins a new paragraph. */
  paragraph(): void {
    this.#breaks = 2;
  }

  toString(): string {
    return this.#parts.join("");
  }

  #write(text: string): void {
    if (this.#length > MAX_LENGTH) return;
    this.#length += text.length;
    if (this.#parts.length > 0) {
      if (this.#breaks > 0) this.#parts.push("\n".repeat(this.#breaks));
      else if (this.#space) this.#parts.push(" ");
    }
    this.#breaks = 0;
    this.#space = false;
    this.#parts.push(text);
  }
}
