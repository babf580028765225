import type { FaultRow } from "../row.ts";
import { relayKilled } from "./01-relay-killed.ts";
import { materializerKilled } from "./02-materializer-killed.ts";
import { routerKilled } from "./03-router-killed.ts";
import { agentKilled } from "./04-agent-killed.ts";
import { brokerKilled } from "./05-broker-killed.ts";
import { postgresRestarted } from "./06-postgres-restarted.ts";
import { answerLost } from "./07-answer-lost.ts";
import { network } from "./08-network.ts";
import { brokenBytes } from "./09-broken-bytes.ts";
import { wrongShape } from "./10-wrong-shape.ts";
import { oversize } from "./11-oversize.ts";
import { duplicates } from "./12-duplicates.ts";
import { childFirst } from "./13-child-first.ts";
import { longTransaction } from "./14-long-transaction.ts";
import { twins } from "./15-twins.ts";
import { clockSkew } from "./16-clock-skew.ts";
import { rebalances } from "./17-rebalances.ts";
import { hungAgent } from "./18-hung-agent.ts";
import { morePartitions } from "./19-more-partitions.ts";
import { topicAnew } from "./20-topic-anew.ts";
import { retention } from "./21-retention.ts";
import { diskFull } from "./22-disk-full.ts";
import { poolExhausted } from "./23-pool-exhausted.ts";
import { versions } from "./24-versions.ts";
import { reset } from "./25-reset.ts";
import { lostTail } from "./26-lost-tail.ts";
import { noDeadLetterTopic } from "./27-no-dead-letter-topic.ts";
import { sigterm } from "./28-sigterm.ts";
import { deadlyJob } from "./29-deadly-job.ts";

/** By the numbers of the matrix in docs/guarantees.md. */
export const ROWS: readonly FaultRow[] = [
  relayKilled,
  materializerKilled,
  routerKilled,
  agentKilled,
  brokerKilled,
  postgresRestarted,
  answerLost,
  network,
  brokenBytes,
  wrongShape,
  oversize,
  duplicates,
  childFirst,
  longTransaction,
  twins,
  clockSkew,
  rebalances,
  hungAgent,
  morePartitions,
  topicAnew,
  retention,
  diskFull,
  poolExhausted,
  versions,
  reset,
  lostTail,
  noDeadLetterTopic,
  sigterm,
  deadlyJob,
];
