import { Life, type LifeOptions } from "./life.ts";
import type { FaultOutcome, FaultRow } from "./row.ts";

/** Both ways to try a row that needs nothing but stages that run: in a life of its own, and amid others. */
export function amidAny(
  amid: (life: Life, random: () => number) => Promise<FaultOutcome>,
  options: LifeOptions = {},
): Required<Pick<FaultRow, "run" | "amid">> {
  return {
    amid,
    async run(random) {
      await using life = await Life.begin(random, options);
      life.startAll();
      return await amid(life, random);
    },
  };
}
