import type { FaultRow } from "../row.ts";
import { relayKilled } from "./01-relay-killed.ts";
import { materializerKilled } from "./02-materializer-killed.ts";
import { routerKilled } from "./03-router-killed.ts";
import { agentKilled } from "./04-agent-killed.ts";
import { twins } from "./15-twins.ts";
import { sigterm } from "./28-sigterm.ts";
import { deadlyJob } from "./29-deadly-job.ts";

/** By the numbers of the matrix in docs/guarantees.md. */
export const ROWS: readonly FaultRow[] = [
  relayKilled,
  materializerKilled,
  routerKilled,
  agentKilled,
  twins,
  sigterm,
  deadlyJob,
];
