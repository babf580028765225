/**
 * `npm run test:infra [-- msk | ec2-kafka | machine | lint]`: what can be proved of infrastructure/ without an AWS account.
 * What a part needs and is not here is said, and the part skipped.
 */
import { constants } from "node:os";
import { ec2Kafka } from "./parts/ec2.ts";
import { lint } from "./parts/lint.ts";
import { machine } from "./parts/machine.ts";
import { msk } from "./parts/msk.ts";
import { staticChecks } from "./parts/static.ts";
import { preparePython } from "./python.ts";
import { createReport } from "./report.ts";
import type { Python, Setting } from "./setting.ts";

const PARTS: Readonly<Record<string, readonly [title: string, work: (setting: Setting) => Promise<void>][]>> = {
  msk: [
    ["msk: form and tests", (setting) => staticChecks("msk", setting)],
    ["msk: applied to a stand-in for AWS", msk],
  ],
  "ec2-kafka": [
    ["ec2-kafka: form and tests", (setting) => staticChecks("ec2-kafka", setting)],
    ["ec2-kafka: applied to a stand-in for AWS", ec2Kafka],
  ],
  machine: [["machine: its set-up on a real broker, and the pipeline over it", machine]],
  lint: [["lint: scripts, Dockerfile, workflows, alert rules", lint]],
};

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => interrupted.abort(constants.signals[signal]));

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(`no part is called ${unknown.join(", ")}: there are ${Object.keys(PARTS).join(", ")}`);
  process.exit(2);
}

const { signal } = interrupted;
const report = createReport(signal);
let python: Promise<Python> | undefined;
const setting: Setting = {
  report,
  signal,
  python: () => {
    python ??= preparePython(signal);
    return python;
  },
};

try {
  for (const name of names.length > 0 ? names : Object.keys(PARTS))
    for (const [title, work] of PARTS[name] ?? []) await report.part(title, () => work(setting));
} catch (error) {
  if (!signal.aborted) throw error;
  process.exit(128 + signal.reason);
}
const { passed, failed, skipped } = report.counts;
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 ? 1 : 0);
