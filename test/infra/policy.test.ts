import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@cdktf/hcl2json";
import { INFRASTRUCTURE, ROOT, STACKS } from "./setting.ts";

type Block = Record<string, unknown>;
type Blocks = Record<string, Block[]>;
interface Stack {
  readonly resource: Record<string, Blocks>;
  readonly variable: Blocks;
  readonly output: Blocks;
  readonly terraform: Block[];
  readonly source: string;
}

/** What must hold for every stack, read from its files: no Terraform, no provider, no network. */
describe.each([...STACKS])("the policy of %s", (name) => {
  const folder = join(INFRASTRUCTURE, name);
  let stack: Stack;
  const all = (type: string) => Object.values(stack.resource[type] ?? {}).flat();

  beforeAll(async () => {
    stack = await readStack(folder);
  });

  test("nobody comes in from everywhere, and nothing but named ports is open", () => {
    const rules = all("aws_vpc_security_group_ingress_rule");

    expect(rules.length).toBeGreaterThan(0);
    expect(stack.resource.aws_security_group_rule).toBeUndefined();
    for (const group of all("aws_security_group")) expect(group).not.toHaveProperty("ingress");
    for (const rule of rules) {
      expect(rule.cidr_ipv4).toBeOneOf([reference("each.value"), reference("aws_vpc.main.cidr_block")]);
      expect(rule).not.toHaveProperty("cidr_ipv6");
      expect(rule.ip_protocol).toBe("tcp");
      expect(rule.from_port).toBeOneOf([9093, 9098, 9198]);
      expect(rule.to_port).toBe(rule.from_port);
    }
  });

  test("the networks of clients are validated and have no default that opens anything", () => {
    const [cidrs] = stack.variable.client_cidrs ?? [];

    expect(cidrs?.default ?? []).toEqual([]);
    expect(JSON.stringify(cidrs?.validation)).toContain(">= 16");
  });

  test("no password, key or user data leaves as an output, and no variable takes a secret", () => {
    const values = Object.values(stack.output).flat();

    for (const { value } of values) expect(String(value)).not.toMatch(/user_data|secret|private_key|ssm_parameter/i);
    expect(JSON.stringify(values)).not.toMatch(/KAFKA_SASL_PASSWORD=/);
    expect(Object.keys(stack.variable).filter((one) => /password|secret|token|key$/.test(one))).toEqual([]);
    for (const type of ["aws_ssm_parameter", "random_password", "tls_private_key"])
      expect(stack.resource).not.toHaveProperty(type);
  });

  test("one provider, pinned exactly and locked for Linux and macOS alike", () => {
    const [{ required_providers: [providers] = [] }] = stack.terraform as [{ required_providers?: Block[] }];
    const lock = readFileSync(join(folder, ".terraform.lock.hcl"), "utf8");

    expect(providers).toEqual({ aws: { source: "hashicorp/aws", version: "5.100.0" } });
    expect(lock.match(/^provider /gm)).toHaveLength(1);
    expect(lock.match(/"h1:[A-Za-z0-9+/]{43}="/g)).toHaveLength(14);
    expect(lock.match(/"zh:[0-9a-f]{64}"/g)).toHaveLength(15);
  });

  test("rights are named; every resource only where AWS knows no narrower one", () => {
    const policies = stack.source.match(/Action\s*=\s*(\[[^\]]*\]|"[^"]*")[^\n]*\n\s*Resource\s*=\s*[^\n]*/g) ?? [];

    expect(policies.length).toBeGreaterThan(0);
    for (const policy of policies) {
      expect(policy).not.toMatch(/"\*:\*"|"[a-z0-9-]+:\*"/);
      if (/Resource\s*=\s*"\*"/.test(policy)) expect(policy).toMatch(/"route53:ListHostedZones", "route53:GetChange"/);
    }
  });

  test("every variable and output says what it is for", () => {
    for (const [item] of [...Object.values(stack.variable), ...Object.values(stack.output)])
      expect(item?.description).toBeString();
  });
});

describe("the machine", () => {
  test("IMDSv2 only, not from inside a container; disks encrypted; no key pair; a new AMI replaces nothing", async () => {
    const { resource } = await readStack(join(INFRASTRUCTURE, "ec2-kafka"));
    const [machine] = resource.aws_instance?.kafka ?? [];

    expect(machine?.metadata_options).toEqual([
      { http_endpoint: "enabled", http_tokens: "required", http_put_response_hop_limit: 1 },
    ]);
    expect(machine?.root_block_device).toMatchObject([{ encrypted: true }]);
    expect(resource.aws_ebs_volume?.data).toMatchObject([{ encrypted: true }]);
    expect(machine).not.toHaveProperty("key_name");
    expect(machine?.lifecycle).toEqual([{ ignore_changes: [reference("ami")] }]);
  });

  test("its image is the Kafka that the rehearsal and the local stack run", async () => {
    const { variable } = await readStack(join(INFRASTRUCTURE, "ec2-kafka"));
    const image = String(variable.kafka_image?.[0]?.default);
    const versionIn = (pom: string) =>
      /kafka_2\.13<\/artifactId>\s*<version>([^<]+)/.exec(readFileSync(join(ROOT, pom), "utf8"))?.[1];

    expect(image).toBe(`apache/kafka:${versionIn("src/stack/kafka/pom.xml")}`);
    expect(image).toBe(`apache/kafka:${versionIn("test/infra/machine/pom.xml")}`);
  });
});

describe("the MSK cluster", () => {
  test("TLS everywhere, IAM only, topics by kafka:init only, no access by default", async () => {
    const { resource, variable } = await readStack(join(INFRASTRUCTURE, "msk"));
    const [cluster] = resource.aws_msk_cluster?.main ?? [];
    const [configuration] = resource.aws_msk_configuration?.main ?? [];

    expect(cluster?.encryption_info).toEqual([{ encryption_in_transit: [{ client_broker: "TLS", in_cluster: true }] }]);
    expect(cluster?.client_authentication).toEqual([{ unauthenticated: false, sasl: [{ iam: true }] }]);
    expect(cluster).not.toHaveProperty("open_monitoring");
    expect(String(configuration?.server_properties).split("\n")).toEqual(
      expect.arrayContaining(["allow.everyone.if.no.acl.found=false", "auto.create.topics.enable=false"]),
    );
    expect(variable.public_access_type).toMatchObject([{ default: "DISABLED" }]);
  });
});

/** How the parser shows a reference. */
function reference(to: string): string {
  return `\${${to}}`;
}

async function readStack(folder: string): Promise<Stack> {
  const files = readdirSync(folder).filter((file) => file.endsWith(".tf"));
  const source = files.map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
  return { ...(await parse("stack.tf", source)), source } as unknown as Stack;
}
