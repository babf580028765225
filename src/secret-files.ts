import { readFileSync } from "node:fs";

/** Variables that may be given by file: `NAME_FILE=/run/secrets/name`, as containers and systemd hand secrets over. */
const BY_FILE = ["DATABASE_URL", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD", "OPENAI_API_KEY"] as const;

/**
 * The environment with what its `*_FILE` variables name, and one sentence for each that cannot be had. A newline at the
 * end of a file is not part of the secret: every editor leaves one.
 */
export function readSecretFiles(env: Readonly<Record<string, string | undefined>>): {
  readonly env: Record<string, string | undefined>;
  readonly problems: string[];
} {
  const complete: Record<string, string | undefined> = { ...env };
  const problems: string[] = [];
  for (const name of BY_FILE) {
    const file = env[`${name}_FILE`];
    if (!file) continue;
    const read = env[name]
      ? `${name} and ${name}_FILE are both set: keep one of them`
      : contentOf(`${name}_FILE`, file);
    if (typeof read === "string") problems.push(read);
    else complete[name] = read.content;
  }
  return { env: complete, problems };
}

function contentOf(variable: string, file: string): { readonly content: string } | string {
  try {
    const content = readFileSync(file, "utf8").replace(/\r?\n$/, "");
    return content === "" ? `${variable}: ${file} is empty` : { content };
  } catch (error) {
    return `${variable}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown reason"})`;
  }
}
