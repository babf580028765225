/** A fault of the matrix: how it is brought about on real servers, and what must be true afterwards. */
export interface FaultRow {
  /** Its number in the matrix of docs/guarantees.md. */
  readonly number: number;
  readonly title: string;
  readonly expected: string;
  /** By when, after the last fault, everything has to be applied. */
  readonly deadlineSeconds: number;
  /** Short enough for `npm test`. */
  readonly quick: boolean;
  /** Injects the fault into a life of its own and checks it. Throws where the system did not do what it has to. */
  run(random: () => number): Promise<FaultOutcome>;
}

/** What was seen. */
export interface FaultOutcome {
  readonly injected: string;
  readonly seen: string;
  /** From the end of the fault until nothing was left to do. */
  readonly recoveredMs: number;
  /** Events that had no effect and are set aside nowhere. */
  readonly lost: number;
  /** Effects that are there more than once. */
  readonly doubled: number;
  /** Why this row cannot be tried here. */
  readonly skipped?: string;
}
