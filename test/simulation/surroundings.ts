import type { Undo } from "./table.ts";

/** What a part of the simulated database needs of the rest. */
export interface Surroundings {
  /** The server's wall clock, in simulated milliseconds. */
  readonly now: () => number;
  /** What takes the running transaction back. */
  readonly undo: () => Undo[];
  /** Tells whoever listens that there is something to do. */
  readonly notify: () => void;
}
