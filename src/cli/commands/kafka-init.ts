import { ensureTopics } from "../../pipeline/topics.ts";
import { openCommandApp } from "../context.ts";

export async function kafkaInit(): Promise<void> {
  await using app = openCommandApp("kafka:init");
  for (const { name, did, detail } of await ensureTopics(app.log, app.registry.topics)) {
    console.log(`${name.padEnd(20)} ${did.padEnd(9)} ${detail}`);
  }
}
