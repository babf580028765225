import type { Life } from "./life.ts";

/** A fault of the matrix: how it is brought about on real servers, and what must be true afterwards. */
export interface FaultRow {
  /** Its number in the matrix of docs/guarantees.md. */
  readonly number: number;
  readonly title: string;
  readonly expected: string;
  /** What stages have to tell a person of it: each is said in a line of some stage. */
  readonly says?: readonly RegExp[];
  /** By when, after the last fault, everything has to be applied. Later is a failure. */
  readonly deadlineSeconds: number;
  /** Short enough for `npm test`. */
  readonly quick: boolean;
  /** Injects the fault into a life of its own and checks it. Throws where the system did not do what it has to. */
  run(random: () => number): Promise<FaultOutcome>;
  /** The same in a life that other rows were in before, in which every stage runs; absent: it needs one of its own. */
  amid?(life: Life, random: () => number): Promise<FaultOutcome>;
}

/** What was seen. */
export interface FaultOutcome {
  readonly injected: string;
  /** What was to be seen of the fault: what came twice, what was repeated, set aside, waited for. */
  readonly seen: string;
  /** From the end of the fault until nothing was left to do. */
  readonly recoveredMs: number;
  /** Events that had no effect and are set aside nowhere. */
  readonly lost: number;
  /** Effects that are there more than once. */
  readonly doubled: number;
  /** What stages said, line by line. */
  readonly said?: readonly string[];
  /** Why this row cannot be tried here. */
  readonly skipped?: string;
}
