import { checkLife } from "../checker/check.ts";
import { runCommand } from "../support/commands.ts";
import type { Life } from "./life.ts";
import type { FaultOutcome } from "./row.ts";

/** Checks a life that came to rest; throws where anything but a loss or a doubling, which are counted, is wrong. */
export async function outcomeOf(life: Life, injected: string, recoveredMs: number): Promise<FaultOutcome> {
  const { lost, doubled, problems: wrong } = await checkLife(life.world.app);
  const problems = [...wrong, ...stagesAtFault(life), ...(await verified(life))];
  for (const line of [...lost, ...doubled].slice(0, 10)) console.log(`    ${line}`);
  if (problems.length > 0) throw new Error(problems.slice(0, 5).join("; "));
  const [row] = await life.world.app.db<{ events: number }[]>`select count(*) as events from lifestream.events`;
  return {
    injected,
    seen: `${row?.events} events applied`,
    recoveredMs,
    lost: lost.length,
    doubled: doubled.length,
  };
}

/** No fault ends a stage, and none shows itself as a stack trace. */
export function stagesAtFault(life: Life): string[] {
  return [...life.running()].flatMap(([stage, command]) => {
    const { stderr } = command.printed();
    const trace = /^ +at .+:\d+:\d+\)?$/m.exec(stderr);
    return [
      ...(command.hasEnded() ? [`${stage} ended by itself: ${stderr.slice(-300)}`] : []),
      ...(trace
        ? [`${stage} printed a stack trace: ${stderr.slice(Math.max(0, trace.index - 300), trace.index + 200)}`]
        : []),
    ];
  });
}

/** `npm run verify`, as a person asks it afterwards. */
export async function verified({ world }: Life, withinMs = 120_000): Promise<string[]> {
  const { code, stdout, stderr } = await runCommand(["verify"], world.env, { withinMs });
  return code === 0 ? [] : [`verify exits with ${code}: ${stdout.slice(-1_000)}${stderr.slice(-300)}`];
}
