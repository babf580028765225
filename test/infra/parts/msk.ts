import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Setting } from "../setting.ts";
import { APPLY } from "../terraform.ts";
import { type Applied, destroyLeavesNothing, hookFailsWell, onStandIn, plansAsTold } from "./applied.ts";

const OPEN = ["-var=public_access_type=SERVICE_PROVIDED_EIPS"];

/** Amazon MSK in its two steps. */
export async function msk(setting: Setting): Promise<void> {
  await onStandIn("msk", setting, async (applied) => {
    const before = applied.aws.inventory();
    await plansAsTold(applied);
    await stepOne(applied);
    await replan(applied);
    await stepTwo(applied);
    await hookFailsWell(applied, OPEN);
    await staysOpen(applied);
    await destroyLeavesNothing(applied, before);
  });
}

async function stepOne({ report, terraform, hook }: Applied): Promise<void> {
  await report.must("a cluster that begins in public is refused, as by AWS", () =>
    terraform.fails(/must be DISABLED when a cluster is created/, ...APPLY, ...OPEN),
  );
  await report.must("step 1", () => terraform.apply());
  await report.check("step 1 again: no changes", () => terraform.unchanged());
  await report.check("no reset in step 1, and no public address", async () => {
    deepStrictEqual(hook.calls(), []);
    strictEqual(await terraform.output("bootstrap_brokers"), "");
    match(await terraform.output("dotenv"), /^# Step 1: .*inside the VPC only.*\nKAFKA_BROKERS=b-1\.[^,]*:9098,b-2/m);
  });
  await report.check("step 2 without named networks is refused, in words", () =>
    terraform.fails(
      /put client_cidrs = \["<your address>\/32"\] into terraform.tfvars/,
      "plan",
      "-no-color",
      ...OPEN,
      "-var=client_cidrs=[]",
    ),
  );
}

/**
 * The same plan from a state edited by hand to look as AWS leaves it (defaults filled in, zones listed otherwise), which the stand-in
 * does not do. Mocks would not show a forced replacement: only the real provider knows which fields force one.
 */
async function replan({ report, terraform }: Applied): Promise<void> {
  const file = join(terraform.folder, "terraform.tfstate");
  const kept = readFileSync(file, "utf8");
  const state = JSON.parse(kept.replaceAll("us-west-2a", "us-west-2z")) as State;
  const cluster = attributesOf(state, "aws_msk_cluster");
  const [nodes] = cluster.broker_node_group_info as Record<string, unknown[]>[];
  const noOne = [{ client_authentication: [{ sasl: [{ iam: false, scram: false }], tls: false }] }];
  Object.assign((nodes?.connectivity_info?.[0] ?? {}) as object, { vpc_connectivity: noOne });
  const [encryption] = cluster.encryption_info as Record<string, unknown>[];
  Object.assign(encryption ?? {}, {
    encryption_at_rest_kms_key_arn: "arn:aws:kms:us-west-2:123456789012:key/aws-kafka",
  });
  Object.assign(cluster, { enhanced_monitoring: "DEFAULT", storage_mode: "LOCAL", zookeeper_connect_string: "" });
  writeFileSync(file, JSON.stringify(state));
  try {
    await report.check("from a state as AWS leaves it: no changes", async () => {
      deepStrictEqual(await terraform.actions("-refresh=false"), []);
    });
    await report.check("from a state as AWS leaves it: step 2 replaces nothing", async () => {
      deepStrictEqual(await terraform.actions("-refresh=false", ...OPEN), STEP_TWO);
    });
  } finally {
    writeFileSync(file, kept);
  }
}

const STEP_TWO = [
  "aws_msk_cluster.main: update",
  'aws_vpc_security_group_ingress_rule.public_iam["203.0.113.7/32"]: create',
  "terraform_data.kafka_reset[0]: create",
];

async function stepTwo({ report, terraform, hook }: Applied): Promise<void> {
  await report.must("step 2 changes the cluster in place", async () => {
    deepStrictEqual(await terraform.actions(...OPEN), STEP_TWO);
    await terraform.apply(...OPEN);
  });
  await report.check("the public brokers are printed at once, for .env", async () => {
    const brokers = await terraform.output("bootstrap_brokers");
    match(brokers, /^b-1-public\.[^,]*:9198,b-2-public\.[^,]*:9198$/);
    deepStrictEqual((await terraform.output("dotenv")).split("\n"), [
      "# Amazon MSK, from infrastructure/msk",
      `KAFKA_BROKERS=${brokers}`,
      "KAFKA_AUTH_METHOD=aws-iam",
      "KAFKA_SSL=true",
      "AWS_REGION=us-west-2",
      "",
    ]);
  });
  await report.check("kafka:wait and kafka:reset ran with them", () => {
    const [wait, reset, ...more] = hook.calls();
    match(wait ?? "", /kafka:wait -- --timeout 600 b-1-public.*:9198 aws-iam$/);
    match(reset ?? "", /kafka:reset -- --if-cluster-changed --yes b-1-public.*:9198 aws-iam$/);
    deepStrictEqual(more, []);
  });
  await report.check("step 2 again: no changes", () => terraform.unchanged(...OPEN));
}

async function staysOpen({ report, terraform }: Applied): Promise<void> {
  const values = join(terraform.folder, "terraform.tfvars");
  appendFileSync(values, 'public_access_type = "SERVICE_PROVIDED_EIPS"\n');
  await report.check("with public_access_type in terraform.tfvars a plain apply keeps it open", () =>
    terraform.unchanged(),
  );
  rmSync(join(terraform.folder, "plan.tfplan"), { force: true });
}

interface State {
  readonly resources: readonly {
    readonly type: string;
    readonly instances: readonly { readonly attributes: Record<string, unknown> }[];
  }[];
}

function attributesOf({ resources }: State, type: string): Record<string, unknown> {
  const attributes = resources.find((one) => one.type === type)?.instances[0]?.attributes;
  if (!attributes) throw new Error(`no ${type} in the state`);
  return attributes;
}
