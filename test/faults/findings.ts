import { checkLife } from "../checker/check.ts";
import { runCommand } from "../support/commands.ts";
import type { Life, Started } from "./life.ts";
import type { FaultOutcome } from "./row.ts";
import { seenOf } from "./seen.ts";

/** A line of a stack trace, as text or within a line of JSON. */
const TRACE = /^ +at .+:\d+:\d+\)?$|\\n +at .+?:\d+:\d+/m;

/**
 * Checks a life that came to rest; throws where anything but a loss or a doubling, which are counted, is wrong. `seen`: what
 * only the row knows of what was seen of its fault. `incomplete`: what `verify` has to say it could not compare.
 */
export async function outcomeOf(
  life: Life,
  injected: string,
  recoveredMs: number,
  seen: readonly string[] = [],
  { incomplete }: { incomplete?: RegExp } = {},
): Promise<FaultOutcome> {
  const { lost, doubled, problems: wrong } = await checkLife(life.world.app);
  const problems = [...wrong, ...(await stagesAtFault(life)), ...(await verified(life, { incomplete }))];
  for (const line of [...lost, ...doubled].slice(0, 10)) console.log(`    ${line}`);
  if (problems.length > 0) throw new Error(problems.slice(0, 5).join("; "));
  return {
    injected,
    seen: [...seen, ...(await seenOf(life))].join(", "),
    recoveredMs,
    lost: lost.length,
    doubled: doubled.length,
    said: life.said(),
  };
}

/** No fault ends a stage that nobody killed or stopped, and none shows itself as a stack trace, before a kill or after. */
export async function stagesAtFault(life: Pick<Life, "started">): Promise<string[]> {
  return (await Promise.all(life.started().map(wrongWith))).flat();
}

async function wrongWith({ name, command, asked, diesByItself }: Started): Promise<string[]> {
  const { stderr } = command.printed();
  const trace = TRACE.exec(stderr);
  const shown = trace
    ? [`${name} printed a stack trace: ${stderr.slice(Math.max(0, trace.index - 300), trace.index + 200)}`]
    : [];
  if (!command.hasEnded()) return shown;
  const { code, signal } = await command.ended;
  const killed = signal === "SIGKILL" && (asked === "kill" || diesByItself);
  const stopped = asked === "stop" && (code === 0 || signal === "SIGTERM");
  return killed || stopped ? shown : [...shown, `${name} ended with ${signal ?? code}: ${stderr.slice(-300)}`];
}

/** `npm run verify`, as a person asks it afterwards. */
export async function verified(
  { world }: Life,
  { withinMs = 120_000, incomplete }: { withinMs?: number; incomplete?: RegExp | undefined } = {},
): Promise<string[]> {
  const { code, stdout, stderr } = await runCommand(["verify"], world.env, { withinMs });
  const asExpected = incomplete ? code === 1 && incomplete.test(stderr) : code === 0;
  return asExpected ? [] : [`verify exits with ${code}: ${stdout.slice(-1_000)}${stderr.slice(-300)}`];
}
