import { expect, test } from "bun:test";
import { DataError } from "../engine/errors.ts";
import { createRegistry } from "../engine/registry.ts";
import type { Store } from "../engine/store.ts";
import { ingest } from "./ingest.ts";

test("given a source that no record could hold, when captured, then it is refused before anything is written", async () => {
  const event = {
    type: "todo.created",
    subject: "todo",
    subjectId: "todo:1",
    payload: {},
    source: "\u6F22".repeat(700),
  };
  const options = { store: {} as Store, registry: createRegistry([]), now: () => new Date() };
  const refused = ingest([event], options);
  await expect(refused).rejects.toThrow("the source is longer than 2000 bytes");
  await expect(refused).rejects.toBeInstanceOf(DataError);
});
