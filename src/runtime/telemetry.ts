import { noTelemetry, type Telemetry } from "../engine/telemetry.ts";

/** Somebody who wants to know some of it. Its functions are called without `this`. */
export type Listener = Partial<Telemetry>;

type Fact = Exclude<keyof Telemetry, "pass" | "during">;

/** Tells everything to all of them. */
export function combine(listeners: readonly Listener[]): Telemetry {
  if (listeners.length === 0) return noTelemetry;
  const tellers = (Object.keys(noTelemetry) as (keyof Telemetry)[]).map((name) => [
    name,
    teller(listeners, name as Fact),
  ]);
  return {
    ...(Object.fromEntries(tellers) as unknown as Telemetry),
    pass(loop, kind) {
      const passes = listeners.flatMap((listener) => listener.pass?.(loop, kind) ?? []);
      return {
        [Symbol.dispose]() {
          for (const pass of passes) pass[Symbol.dispose]();
        },
      };
    },
    during: (work, run) => listeners.reduce((inner, { during }) => (during ? () => during(work, inner) : inner), run)(),
  };
}

function teller(listeners: readonly Listener[], name: Fact): (...args: never[]) => void {
  const interested = listeners.map((listener) => listener[name]).filter((tell) => tell !== undefined);
  return (...args) => {
    for (const tell of interested as ((...args: never[]) => void)[]) tell(...args);
  };
}
