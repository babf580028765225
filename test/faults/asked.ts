import { choosePort } from "../../src/stack/ports.ts";
import type { Running } from "../support/commands.ts";
import type { Life, StageName } from "./life.ts";

/** A stage that can be asked for its metrics. */
export interface AskedStage {
  readonly command: Running;
  /** The sum of a metric over all its labels; null: it does not answer, as it is starting. */
  metric(name: string): Promise<number | null>;
}

export async function startAsked(
  life: Life,
  stage: StageName,
  { env = {}, as = stage }: { env?: Record<string, string>; as?: string } = {},
): Promise<AskedStage> {
  const port = await choosePort(undefined, "");
  const command = life.start(stage, { env: { ...env, STREAM_HEALTH_PORT: String(port) }, as });
  return {
    command,
    async metric(name) {
      const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
        (response) => response.text(),
        () => null,
      );
      return text === null ? null : sumOf(text, name);
    },
  };
}

function sumOf(text: string, name: string): number {
  const samples = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))];
  return samples.reduce((sum, [, value]) => sum + Number(value), 0);
}
