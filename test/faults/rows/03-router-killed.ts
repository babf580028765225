import { killedAt } from "../killed-at.ts";
import type { FaultRow } from "../row.ts";

const points = ["router.after-commit", "dispatcher.before-send", "dispatcher.after-send"];

export const routerKilled: FaultRow = {
  number: 3,
  title: "router or dispatcher killed between commit and send",
  expected: "work sent again under the same id, done once",
  deadlineSeconds: 60,
  quick: false,
  run: (random) =>
    killedAt(
      points.map((at) => ({ stage: "router", at })),
      random,
      60,
    ),
};
