/** A process that starts the stack of the STREAM_HOME in its first argument and holds it: for tests that kill it. */
import { startStack } from "../index.ts";

const [home = "", ...servers] = process.argv.slice(2);
const has = (name: string) => servers.includes(name);
const log = { info() {}, warn: console.warn };
await startStack({ home, postgres: has("postgres"), kafka: has("kafka"), log });
console.log("ready");
