import { deepStrictEqual, doesNotMatch, match, strictEqual } from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PASSWORD } from "../hook-stand-ins.ts";
import type { Setting } from "../setting.ts";
import { APPLY } from "../terraform.ts";
import { type Applied, destroyLeavesNothing, hookFailsWell, onStandIn, plansAsTold } from "./applied.ts";

const OTHER_IMAGE = ["-var=kafka_image=apache/kafka:0"];
const HOOK = "terraform_data.kafka_reset[0]";

/** One machine with Kafka. */
export async function ec2Kafka(setting: Setting): Promise<void> {
  await onStandIn("ec2-kafka", setting, async (applied) => {
    applied.aws.createZone("example.com");
    const before = applied.aws.inventory();
    await plansAsTold(applied);
    await made(applied);
    await replan(applied);
    await replaced(applied);
    await hookFailsWell(applied, OTHER_IMAGE);
    await withoutPassword(applied);
    await destroyLeavesNothing(applied, before);
  });
}

async function made({ report, terraform, hook }: Applied): Promise<void> {
  await report.must("apply", () => terraform.apply());
  await report.check("apply again: no changes", () => terraform.unchanged());
  await report.check("the lines for .env, without the password", async () => {
    const dotenv = await terraform.output("dotenv");
    match(
      dotenv,
      /^KAFKA_BROKERS=kafka\.example\.com:9093\nKAFKA_AUTH_METHOD=scram-sha-512\nKAFKA_SSL=true\nKAFKA_SASL_USERNAME=stream-agents\n/m,
    );
    match(
      dotenv,
      /^# \(umask 077; aws ssm get-parameter --region us-west-2 .* > \.env\.kafka-password\)\nKAFKA_SASL_PASSWORD_FILE=\.env\.kafka-password\n$/m,
    );
    strictEqual(await terraform.output("endpoint"), "kafka.example.com:9093");
  });
  await report.check("kafka:wait and kafka:reset ran with them", () => {
    const [wait, reset, ...more] = hook.calls();
    const endpoint = `kafka.example.com:9093 scram-sha-512 ${PASSWORD}`;
    strictEqual(wait, `run --silent kafka:wait -- --timeout 900 ${endpoint}`);
    strictEqual(reset, `run --silent kafka:reset -- --if-cluster-changed --yes ${endpoint}`);
    deepStrictEqual(more, []);
  });
  await report.check("no password in the state", () => {
    doesNotMatch(readFileSync(join(terraform.folder, "terraform.tfstate"), "utf8"), new RegExp(PASSWORD));
  });
}

/** AWS publishes a new AMI every few weeks, and a new zone now and then: neither may replace the broker. */
async function replan({ report, terraform }: Applied): Promise<void> {
  const file = join(terraform.folder, "terraform.tfstate");
  const kept = readFileSync(file, "utf8");
  writeFileSync(
    file,
    kept.replaceAll(/"ami": "ami-[^"]*"/g, '"ami": "ami-0before0before00"').replaceAll("us-west-2a", "us-west-2z"),
  );
  try {
    await report.check("from a state with an older AMI in another zone: no changes", async () => {
      deepStrictEqual(await terraform.actions("-refresh=false"), []);
    });
  } finally {
    writeFileSync(file, kept);
  }
}

async function replaced({ report, terraform }: Applied): Promise<void> {
  await report.must("a new image replaces the machine; disk, address and name stay", async () => {
    deepStrictEqual(await terraform.actions(...OTHER_IMAGE), [
      "aws_instance.kafka: delete+create",
      "aws_volume_attachment.data: delete+create",
      `${HOOK}: delete+create`,
    ]);
    await terraform.apply(...OTHER_IMAGE);
  });
}

async function withoutPassword({ report, terraform, hook }: Applied): Promise<void> {
  hook.behave("no password");
  await report.check("without the password in SSM the apply fails, and taints nothing but the reset", async () => {
    await terraform.fails(/ParameterNotFound/, ...APPLY, ...OTHER_IMAGE, `-replace=${HOOK}`);
    deepStrictEqual(await terraform.tainted(), [HOOK]);
  });
  hook.behave("ok");
}
