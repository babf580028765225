import { afterAll } from "bun:test";
import { stopTestServers } from "./servers.ts";

const TIMEOUT_MS = 60_000;

afterAll(stopTestServers, TIMEOUT_MS);
