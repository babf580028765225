/** Ways to ask for JSON, the strictest first. Not every server knows every one. */
export const RUNGS = ["json_schema", "json_object", "plain"] as const;
export type Rung = (typeof RUNGS)[number];

/** Finds the strictest way that a server understands, and remembers it. */
export interface Ladder {
  /** Tries from the remembered rung down while `mayStepDown` says that an error is about the format. */
  climb<T>(attempt: (rung: Rung) => Promise<T>, mayStepDown: (error: unknown) => boolean): Promise<T>;
}

/** One ladder per server. It remembers a lower rung only once that has worked: an odd page must not lower it for all. */
export function createLadder(): Ladder {
  let known = 0;
  return {
    async climb(attempt, mayStepDown) {
      for (let step = known; ; step++) {
        try {
          const result = await attempt(RUNGS[step] ?? "plain");
          known = Math.max(known, step);
          return result;
        } catch (error) {
          if (step + 1 >= RUNGS.length || !mayStepDown(error)) throw error;
        }
      }
    },
  };
}
