/** A task many callers ask for at once. */
export interface Coalesced {
  /** Resolves when a run that *started after this call* has ended; rejects as that run does. */
  request(): Promise<void>;
  /** Somebody waits for the next run already. */
  isRequested(): boolean;
}

/** At most one run at a time, and one waiting: whoever comes during a run shares the next one. */
export function coalesce(run: () => Promise<void>): Coalesced {
  let running: Promise<void> | null = null;
  let waiting: Promise<void> | null = null;

  const start = (): Promise<void> => {
    waiting = null;
    running = run().finally(() => {
      running = null;
    });
    return running;
  };
  return {
    isRequested: () => waiting !== null,
    request() {
      // The waiting run first: between the end of one run and its start, `running` is already empty.
      if (waiting) return waiting;
      if (!running) return start();
      waiting = running.catch(() => {}).then(start);
      return waiting;
    },
  };
}
