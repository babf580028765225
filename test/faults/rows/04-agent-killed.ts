import { killedAt } from "../killed-at.ts";
import type { FaultRow } from "../row.ts";

const points = ["agent.before-effect:2", "agent.after-effect", "agent.after-report"];

export const agentKilled: FaultRow = {
  number: 4,
  title: "agent killed after its side effect, before its event",
  expected: "one repeat at most, one effect",
  deadlineSeconds: 90,
  quick: false,
  run: (random) =>
    killedAt(
      points.map((at) => ({ stage: "agent:fetcher", at })),
      random,
      90,
    ),
};
