/** What a command is given. */
export interface CommandInput {
  readonly args: readonly string[];
  readonly options: Record<string, unknown>;
}

export interface CommandSpec {
  readonly name: string;
  /** Arguments after the name, in commander's form. */
  readonly usage?: string;
  readonly summary: string;
  readonly options?: readonly (readonly [flags: string, description: string])[];
  readonly details?: string;
  /** Words that look like options belong to the command itself. */
  readonly passThrough?: boolean;
  /** Loads the command's code only when it runs, so that `--help` and small commands start at once. */
  readonly load: () => Promise<(input: CommandInput) => Promise<void>>;
}
