import type { Listener } from "./telemetry.ts";

/** A pass, a silence or a membership that takes longer than this is not work any more: something hangs. */
const STUCK_MS = 60_000;

/** Whether the loops of this process live. */
export interface Loops {
  readonly listener: Listener;
  /** One sentence for each loop that hangs; it names stages and nothing else. */
  stuck(): string[];
}

interface Loop {
  /** When each pass under way began. */
  readonly passes: Set<{ readonly since: number }>;
  /** Of a loop that passes whatever happens: when it last did. */
  passedAt: number | null;
  /** Of a member of a group: since when it does not read. */
  silentSince: number | null;
}

/** Watches the loops by what they tell. `now`: monotonic milliseconds. */
export function createLoops(now: () => number = () => performance.now()): Loops {
  const loops = new Map<string, Loop>();
  const loopOf = (name: string): Loop => {
    const known = loops.get(name);
    if (known) return known;
    const loop: Loop = { passes: new Set(), passedAt: null, silentSince: null };
    loops.set(name, loop);
    return loop;
  };
  const tooLong = (since: number | null): since is number => since !== null && now() - since > STUCK_MS;
  return {
    listener: {
      pass(name, kind) {
        const loop = loopOf(name);
        const pass = { since: now() };
        loop.passes.add(pass);
        return {
          [Symbol.dispose]() {
            loop.passes.delete(pass);
            if (kind === "poll") loop.passedAt = now();
          },
        };
      },
      membership(stage, change) {
        const loop = loopOf(stage);
        loop.silentSince = change === "reading" ? null : (loop.silentSince ?? now());
      },
    },
    stuck: () =>
      [...loops].flatMap(([name, { passes, passedAt, silentSince }]) => {
        const seconds = (since: number) => `${Math.round((now() - since) / 1_000)} s`;
        const longest = [...passes][0]?.since ?? null;
        if (tooLong(longest)) return [`${name} has been at one pass for ${seconds(longest)}`];
        if (passes.size === 0 && tooLong(passedAt)) return [`${name} made no pass for ${seconds(passedAt)}`];
        if (tooLong(silentSince)) return [`${name} has not been reading for ${seconds(silentSince)}`];
        return [];
      }),
  };
}
