import { afterAll } from "bun:test";
import { stopTestServers } from "./servers.ts";

afterAll(stopTestServers);
