import { checkLife } from "../checker/check.ts";
import { type Ends, endsOf, type MeantEnds } from "../checker/ends.ts";
import { runCommand } from "../support/commands.ts";
import type { Life, Started } from "./life.ts";
import { isHopeless } from "./mixture.ts";
import type { FaultOutcome } from "./row.ts";
import { seenOf } from "./seen.ts";

/** A line of a stack trace, as text or within a line of JSON. */
const TRACE = /^ +at .+:\d+:\d+\)?$|\\n +at .+?:\d+:\d+/m;

/** What a row means to leave behind besides work on pages that nobody can read; nothing unless it says so. */
export interface Meant extends Omit<MeantEnds, "isHopeless"> {
  /** What `verify` has to say it could not compare. */
  readonly incomplete?: RegExp;
}

/**
 * Checks a life that came to rest; throws where anything but a loss or a doubling, which are counted, is wrong. `seen`: what
 * only the row knows of what was seen of its fault.
 */
export async function outcomeOf(
  life: Life,
  injected: string,
  recoveredMs: number,
  seen: readonly string[] = [],
  { incomplete, ...meant }: Meant = {},
): Promise<FaultOutcome> {
  const { lost, doubled, problems: wrong } = await checkLife(life.world.app);
  const ends = await lifeEnds(life, meant);
  const problems = [...wrong, ...ends.wrong, ...(await stagesAtFault(life)), ...(await verified(life, { incomplete }))];
  for (const line of [...lost, ...doubled].slice(0, 10)) console.log(`    ${line}`);
  if (problems.length > 0) throw new Error(problems.slice(0, 5).join("; "));
  return {
    injected,
    seen: [...seen, ...(await seenOf(life)), ...abandonedIn(ends)].join(", "),
    recoveredMs,
    lost: lost.length,
    doubled: doubled.length,
    said: life.said(),
  };
}

/** What the life gave up and set aside, against what rows meant it to. */
export async function lifeEnds(life: Life, { aside = [], ...meant }: Omit<Meant, "incomplete"> = {}): Promise<Ends> {
  for (const id of aside) life.aside.add(id);
  return endsOf(life.world.app, { ...meant, isHopeless, aside: life.aside });
}

/** In words, where there is any. */
export const abandonedIn = ({ abandoned }: Ends): string[] =>
  abandoned.length > 0 ? [`${abandoned.length} of them as each agent was killed: ${abandoned.join(" ")}`] : [];

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
