import { join } from "node:path";
import { cached, lastLine } from "../cached.ts";
import { find, run } from "../programs.ts";
import { ROOT } from "../setting.ts";

const POM = join(ROOT, "test", "infra", "machine", "pom.xml");

/** Java's class path with the broker and the tools that Kafka's image has, or why there is none. */
export async function kafkaClassPath(
  signal: AbortSignal,
): Promise<{ readonly classPath: string } | { readonly missing: string }> {
  for (const [program, name] of [["java", "Java"] as const, ["mvn", "Maven"] as const])
    if (!find(program)) return { missing: `${name} (${program}) is not here` };
  const jars = await cached("infra-kafka", POM, async (folder) => {
    const goal = ["dependency:copy-dependencies", `-DoutputDirectory=${folder}`];
    const { code, output } = await run(["mvn", "-q", "-B", "-f", POM, ...goal], { cwd: ROOT, signal });
    return code === 0 ? null : `Kafka could not be fetched: ${lastLine(output)}`;
  });
  return "missing" in jars ? jars : { classPath: `${jars.folder}/*` };
}
