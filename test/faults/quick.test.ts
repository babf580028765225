/**
 * The rows of the fault matrix that take a few seconds, one after the other in one life where they can be;
 * `npm run test:faults` has them all.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { killLeftCommands } from "../support/commands.ts";
import { seededRandom, testSeed } from "../support/random.ts";
import { Life } from "./life.ts";
import type { FaultRow } from "./row.ts";
import { ROWS } from "./rows/index.ts";
import { tryRow } from "./try-row.ts";

const seed = testSeed("quick faults");
const random = seededRandom(seed);
let life: Life;

beforeAll(async () => {
  life = await Life.begin(random, { model: true });
  life.startAll();
  await life.untilUp();
}, 90_000);

afterAll(async () => {
  await life?.[Symbol.asyncDispose]();
  await killLeftCommands();
}, 60_000);

for (const row of ROWS.filter(({ quick }) => quick)) {
  test(
    `given row ${row.number}, ${row.title}, then ${row.expected} (seed ${seed})`,
    async () => {
      const { lost, doubled } = await tryRow(amidOthers(row), random);
      expect({ lost, doubled }).toEqual({ lost: 0, doubled: 0 });
    },
    row.deadlineSeconds * 2_000,
  );
}

function amidOthers(row: FaultRow): FaultRow {
  const { amid } = row;
  return amid ? { ...row, run: (dice) => amid(life, dice) } : row;
}
