/** The rows of the fault matrix that take a few seconds; `npm run test:faults` has them all. */
import { afterAll, expect, test } from "bun:test";
import { killLeftCommands } from "../support/commands.ts";
import { seededRandom } from "../support/random.ts";
import { ROWS } from "./rows/index.ts";

afterAll(killLeftCommands);

for (const row of ROWS.filter(({ quick }) => quick)) {
  const seed = Date.now() % 2 ** 31;
  test(
    `given row ${row.number}, ${row.title}, then ${row.expected} (seed ${seed})`,
    async () => {
      const { lost, doubled } = await row.run(seededRandom(seed));
      expect({ lost, doubled }).toEqual({ lost: 0, doubled: 0 });
    },
    row.deadlineSeconds * 2_000,
  );
}
