import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** How the commands behave that the reset hook calls. */
export type Mode = "ok" | "reset fails" | "wait hangs" | "no password" | "no database";

/** `npm` and `aws` for the reset hook: they write down what they are asked and do as they are told. */
export interface HookStandIns {
  /** To be put before PATH. */
  readonly bin: string;
  behave(mode: Mode): void;
  /** One line for each call of npm: arguments, brokers, method, password. */
  calls(): string[];
  forget(): void;
}

const NPM = `#!/usr/bin/env bash
here="$(dirname "$0")"
mode="$(cat "$here/mode")"
echo "$* $KAFKA_BROKERS $KAFKA_AUTH_METHOD \${KAFKA_SASL_PASSWORD:-}" >> "$here/calls"
case "$mode $*" in
  "reset fails"*kafka:reset*) echo "kafka:reset: refused" >&2; exit 1 ;;
  "no database"*kafka:reset*) echo 'no database: set DATABASE_URL, or start one' >&2; exit 1 ;;
  "wait hangs"*kafka:wait*) (trap "" TERM; sleep 600) & sleep 600 ;; # a grandchild that a mild signal does not end
esac
exit 0
`;

const AWS = `#!/usr/bin/env bash
[ "$(cat "$(dirname "$0")/mode")" = "no password" ] && { echo "ParameterNotFound" >&2; exit 254; }
echo password-from-ssm
`;

export const PASSWORD = "password-from-ssm";

export function createHookStandIns(work: string): HookStandIns {
  const bin = join(work, "stand-ins");
  const calls = join(bin, "calls");
  mkdirSync(bin);
  for (const [name, script] of [["npm", NPM] as const, ["aws", AWS] as const]) {
    writeFileSync(join(bin, name), script);
    chmodSync(join(bin, name), 0o755);
  }
  const standIns: HookStandIns = {
    bin,
    behave: (mode) => writeFileSync(join(bin, "mode"), mode),
    calls: () =>
      existsSync(calls)
        ? readFileSync(calls, "utf8")
            .split("\n")
            .map((line) => line.trim())
            .filter(Boolean)
        : [],
    forget: () => writeFileSync(calls, ""),
  };
  standIns.behave("ok");
  return standIns;
}
