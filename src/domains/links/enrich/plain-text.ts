/** More text than this adds no topic; it bounds the time one page takes. */
export const MAX_TEXT = 100_000;

/** The prose of a page: fenced code and lines that look like code are out, since their names are not its topic. */
export function dropCode(text: string): string {
  return text
    .slice(0, MAX_TEXT)
    .toWellFormed()
    .replace(/^(```|~~~)[^\n]*\n[\s\S]*?(?:^\1[ \t]*$|(?![\s\S]))/gm, "\n")
    .split("\n")
    .filter((line) => !looksLikeCode(line))
    .join("\n");
}

function looksLikeCode(line: string): boolean {
  const text = line.trim();
  if (text.length < 2) return false;
  if (
    /^(?:[$>] |import [\w*{]|from \w+ import|def \w+\(|function \w+\(|(?:const|let|var) \w+ =|#include|<\/?\w+[^>]*>$)/.test(
      text,
    )
  )
    return true;
  if (/^[{}()[\];,]+$/.test(text)) return true;
  if (/[;{}]$/.test(text) && /[=(){}<>]/.test(text)) return true;
  const signs = text.match(/[{}()[\]<>=;|&$%@\\/_]/g)?.length ?? 0;
  return text.length > 10 && signs / text.length > 0.2;
}
