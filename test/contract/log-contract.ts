/*
 * What every log must do, whatever it is made of. The suite knows the port and nothing else; an implementation's test
 * file hands in how to make one (`log-kafka.test.ts`, `log-embedded.test.ts`). It asks for outcomes and waits for them:
 * no case depends on how fast something is, beyond a deadline.
 */
import { describe } from "bun:test";
import { appending } from "./log-appending.ts";
import { environment } from "./log-environment.ts";
import { groups } from "./log-groups.ts";
import { reading } from "./log-reading.ts";
import { logSuite } from "./log-suite.ts";
import { topics } from "./log-topics.ts";
import type { Ability, LogUnderTest } from "./log-under-test.ts";

/** Declares the suite for one implementation. What needs an `ability` that its test does not have is not declared. */
export function logContract(
  name: string,
  create: () => Promise<LogUnderTest>,
  { abilities = [] }: { readonly abilities?: readonly Ability[] } = {},
): void {
  describe(`the log: ${name}`, () => {
    const suite = logSuite(create, abilities);
    for (const declare of [appending, reading, groups, topics, environment]) declare(suite);
  });
}
