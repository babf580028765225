import { outcomeOf } from "../findings.ts";
import type { KillPoint } from "../killed-at.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

const EVENTS = 120;
const WITHIN_MS = 90_000;

/** Each round all of these die, and nothing else is done until what they had in hand was done again. */
const ROUNDS: readonly (readonly KillPoint[])[] = [
  [{ stage: "agent:fetcher", at: "agent.before-effect:2" }],
  [
    { stage: "agent:fetcher", at: "agent.after-effect" },
    { stage: "agent:enricher", at: "agent.after-effect" },
    { stage: "agent:publisher", at: "agent.after-effect" },
  ],
  [{ stage: "agent:fetcher", at: "agent.after-report" }],
];

export const agentKilled: FaultRow = {
  number: 4,
  title: "agent killed after its side effect, before its event",
  expected: "one repeat at most, one effect",
  deadlineSeconds: WITHIN_MS / 1_000,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    life.startAll(["agent:fetcher", "agent:enricher", "agent:publisher"]);
    let slowest = 0;
    for (const points of ROUNDS) {
      const dying = points.map(({ stage, at }) => ({
        stage,
        at,
        command: life.start(stage, { env: { FAULT_AT: at } }),
      }));
      const others = (["agent:fetcher", "agent:enricher", "agent:publisher"] as const).filter(
        (stage) => !points.some((point) => point.stage === stage),
      );
      for (const stage of others) life.start(stage);
      await life.capture(EVENTS);
      // One after the other, as each needs what the one before it does.
      for (const { stage, at, command } of dying) {
        const { signal, stderr } = await command.ended;
        if (signal !== "SIGKILL") throw new Error(`${stage} did not die at ${at}: ${stderr.slice(-500)}`);
        life.start(stage);
      }
      slowest = Math.max(slowest, await life.untilSettled(WITHIN_MS));
      for (const stage of ["agent:fetcher", "agent:enricher", "agent:publisher"]) await life.kill(stage);
    }
    const { asked, again } = await requireOneRepeat(life);
    const injected = `killed at ${ROUNDS.flat()
      .map(({ stage, at }) => `${stage} ${at}`)
      .join(", ")}`;
    return await outcomeOf(life, injected, slowest, [`${again} of ${asked} pages asked for twice`]);
  },
};

/** Nothing is done more than twice: no page asked for, no summary made, nothing published. */
async function requireOneRepeat({ pages, world }: Life): Promise<{ asked: number; again: number }> {
  const often = [...pages.requests].filter(([, times]) => times > 2);
  if (often.length > 0) throw new Error(`asked for more than twice: ${often.map(([path]) => path).join(" ")}`);
  const work = await world.app.db<{ what: string }[]>`
    select w.work_type || ' of ' || l.url || ' had ' || w.attempt || ' attempts' as what
    from lifestream.work w join lifestream.links l using (subject_id)
    where l.url like ${`${pages.origin}/%`} and w.attempt > 2`;
  if (work.length > 0) throw new Error(work.map(({ what }) => what).join("; "));
  return { asked: pages.requests.size, again: [...pages.requests.values()].filter((times) => times === 2).length };
}
