/** The answer, or `late()` when it takes longer than `ms`. The question goes on; its failure after that is nobody's. */
export async function within<T>(ms: number, question: Promise<T>, late: () => T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late()), ms);
  });
  question.catch(() => {});
  return Promise.race([question, deadline]).finally(() => clearTimeout(timer));
}

/** Asks one question at a time however many want to know, and gives an answer again while it is younger than `ms`. */
export function fresh<T>(ms: number, ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  let last: { readonly at: number; readonly answer: T } | undefined;
  const askNow = async () => {
    const answer = await ask();
    last = { at: performance.now(), answer };
    return answer;
  };
  return () => {
    if (last && performance.now() - last.at < ms) return Promise.resolve(last.answer);
    asking ??= askNow().finally(() => {
      asking = undefined;
    });
    return asking;
  };
}
