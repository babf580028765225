/*
 * A member of a group in a process of its own, to be killed: joins, says "reading" on standard output once it reads
 * something, and reads on. What it is to join is the one argument, as JSON.
 */
import { silentLogger } from "../../src/engine/logger.ts";
import { openEmbeddedLog, openKafkaLog } from "./open-log.ts";
import { startReader } from "./reader.ts";

const { kind, address, prefix, group, topic } = JSON.parse(process.argv[2] ?? "{}");
const log =
  kind === "kafka" ? openKafkaLog(address, prefix, silentLogger) : openEmbeddedLog(address, "member", silentLogger);
const reader = startReader(log, { group, topics: [topic] });
const timer = setInterval(() => {
  if (reader.asked.length === 0) return;
  clearInterval(timer);
  console.log("reading");
}, 20);
