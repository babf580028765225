import { afterAll } from "bun:test";
import { stopSecuredKafka } from "./secured-kafka.ts";
import { stopTestServers } from "./servers.ts";

const TIMEOUT_MS = 60_000;

afterAll(stopTestServers, TIMEOUT_MS);
afterAll(stopSecuredKafka, TIMEOUT_MS);
