import { killedAmid, killedAt } from "../killed-at.ts";
import type { FaultRow } from "../row.ts";

const points = ["relay.before-send", "relay.after-send", "relay.after-mark"];

export const relayKilled: FaultRow = {
  number: 1,
  title: "relay killed before send, after send, after mark",
  expected: "duplicates in the log at most",
  deadlineSeconds: 60,
  quick: true,
  run: (random) =>
    killedAt(
      points.map((at) => ({ stage: "kafka:publish", at })),
      random,
      60,
    ),
  ...killedAmid({ stage: "kafka:publish", at: "relay.after-send" }, 60),
};
