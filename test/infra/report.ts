/** What `npm run test:infra` counts and prints. */
export interface Report {
  readonly counts: { passed: number; failed: number; skipped: number };
  /** A group of checks. What fails inside ends the group, not the run. */
  part(title: string, work: () => Promise<void>): Promise<void>;
  /** One thing that must hold; false when it does not, and then why is printed. */
  check(title: string, work: () => unknown): Promise<boolean>;
  /** As `check`, and ends the part when it does not hold: what comes next would say nothing. */
  must(title: string, work: () => unknown): Promise<void>;
  skip(title: string, why: string): void;
}

class PartEnded extends Error {}

export function createReport(signal: AbortSignal, print: (line: string) => void = console.log): Report {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const check = async (title: string, work: () => unknown) => {
    signal.throwIfAborted();
    const started = performance.now();
    const seconds = () => ((performance.now() - started) / 1_000).toFixed(1);
    try {
      await work();
      counts.passed++;
      print(`ok    ${title} (${seconds()} s)`);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      counts.failed++;
      print(`FAIL  ${title} (${seconds()} s)\n${indented(error)}`);
      return false;
    }
  };
  return {
    counts,
    check,
    async must(title, work) {
      if (!(await check(title, work))) throw new PartEnded();
    },
    skip(title, why) {
      counts.skipped++;
      print(`skip  ${title}: ${why}`);
    },
    async part(title, work) {
      signal.throwIfAborted();
      const started = performance.now();
      print(`\n── ${title}`);
      try {
        await work();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof PartEnded)) await check(title, () => Promise.reject(error));
      }
      print(`── ${title}: ${((performance.now() - started) / 1_000).toFixed(1)} s`);
    },
  };
}

function indented(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trimEnd().replace(/^/gm, "      ");
}
