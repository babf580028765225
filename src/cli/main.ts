import { Command, CommanderError } from "commander";
import { UserError } from "../engine/errors.ts";
import type { CommandSpec } from "./command.ts";
import { commands } from "./commands/index.ts";
import { endOnStrayErrors } from "./stray-errors.ts";
import { tellError } from "./tell-error.ts";

/** The whole command line: which commands there are, and what their exit codes mean. */
export function createProgram(specs: readonly CommandSpec[] = commands): Command {
  const program = new Command("stream-agents")
    .description("A personal life-stream: events in Postgres, forwarded to Kafka, worked on by agents.")
    .usage("COMMAND [options]   (as npm script: npm run COMMAND -- [options])")
    .addHelpText("after", "\nExit codes: 0 done, 1 it failed (the last line says why), 2 wrong usage.")
    .exitOverride();
  for (const spec of specs) {
    const command = program.command(spec.usage ? `${spec.name} ${spec.usage}` : spec.name).description(spec.summary);
    for (const [flags, description] of spec.options ?? []) command.option(flags, description);
    if (spec.details) command.addHelpText("after", `\n${spec.details}`);
    command.exitOverride().allowExcessArguments(false);
    if (spec.passThrough) command.allowUnknownOption().allowExcessArguments(true);
    command.action(async () => {
      const run = await spec.load();
      await run({ args: command.args, options: command.opts() });
    });
  }
  return program;
}

/** Runs one command line; returns the exit code. Errors print one sentence, the stack only with LOG_LEVEL=debug. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    tellError(error);
    return error instanceof UserError ? error.exitCode : 1;
  }
}

if (import.meta.main) {
  endOnStrayErrors();
  process.exitCode = await main(process.argv.slice(2));
  // Idle sockets of client libraries must not keep a finished command alive.
  process.exit();
}
