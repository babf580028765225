import { killedAt } from "../killed-at.ts";
import type { FaultRow } from "../row.ts";

const points = ["materializer.before-commit:2", "materializer.in-transaction:3", "materializer.after-commit:2"];

export const materializerKilled: FaultRow = {
  number: 2,
  title: "materializer killed before, within, after commit",
  expected: "every effect once",
  deadlineSeconds: 60,
  quick: false,
  run: (random) =>
    killedAt(
      points.map((at) => ({ stage: "kafka:materialize", at })),
      random,
      60,
    ),
};
