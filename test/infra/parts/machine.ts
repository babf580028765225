import { doesNotMatch, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { startTestServers } from "../../support/servers.ts";
import { kafkaClassPath } from "../machine/kafka.ts";
import { createMachine, type Machine } from "../machine/machine.ts";
import { type Ended, fail, find, succeed } from "../programs.ts";
import type { Report } from "../report.ts";
import { INFRASTRUCTURE, inFolder, ROOT, type Setting } from "../setting.ts";

/** Runs one of our commands; `with`: more variables. */
type Command = (args: readonly string[], more?: Readonly<Record<string, string>>) => Promise<Ended>;

interface Rehearsal {
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly machine: Machine;
  readonly databaseUrl: string;
  readonly dotenv: string;
  readonly command: Command;
}

/** The machine's set-up for real: Kafka with SCRAM, TLS and access rights, the reset hook, and the pipeline over it. */
export async function machine({ report, signal }: Setting): Promise<void> {
  const title = "user_data on a real broker, and the pipeline over it";
  const missing = whatIsMissing();
  if (missing) return report.skip(title, missing);
  const kafka = await kafkaClassPath(signal);
  if ("missing" in kafka) return report.skip(title, kafka.missing);
  await inFolder(async (folder) => {
    const machine = await createMachine(folder, kafka.classPath, signal);
    const postgres = await startTestServers({ kafkaBrokers: machine.endpoint }, signal);
    try {
      await booted(report, machine);
      const dotenv = await machine.dotenv();
      const env = { DATABASE_URL: postgres.databaseUrl, STREAM_HOME: join(folder, "home") };
      const command: Command = (args, more) =>
        succeed([process.execPath, `--env-file=${dotenv}`, "src/cli/main.ts", ...args], {
          cwd: ROOT,
          signal,
          env: { ...env, ...more },
        });
      const rehearsal = { report, signal, machine, dotenv, command, databaseUrl: postgres.databaseUrl };
      await used(rehearsal);
      await guarded(rehearsal);
      await oneLoginPerStage(rehearsal);
      await renewed(rehearsal);
      await recreated(rehearsal);
    } finally {
      machine.stop();
      await postgres.stop();
    }
  });
}

function whatIsMissing(): string | null {
  if (process.platform !== "linux") return "it is written for a Linux machine, which this is not";
  const missing = ["terraform", "openssl"].find((program) => !find(program));
  return missing ? `${missing} is not here` : null;
}

async function booted(report: Report, machine: Machine): Promise<void> {
  await report.must("user_data runs to its end", async () => match(await machine.boot(), /READY\s*$/));
  const first = machine.clusterId();
  await report.must("a second run keeps the disk and the cluster", async () => {
    const said = await machine.boot();
    match(said, /READY\s*$/);
    doesNotMatch(said, /new cluster/);
    strictEqual(machine.clusterId(), first);
    strictEqual(machine.calls().filter((call) => call.startsWith("mkfs.xfs")).length, 1);
  });
  await report.check("what needs the network is tried again, and the certificate is renewed by a timer", () => {
    ok(machine.calls().filter((call) => call.startsWith("dnf install")).length > 2);
    ok(machine.calls().includes("systemctl enable --now kafka-cert.timer"));
    const unit = readFileSync(join(machine.folder, "units", "kafka-cert.service"), "utf8");
    for (const program of unit.match(/(?<=[= ])\/\S*bin\/\S+/g) ?? []) ok(existsSync(program), `${program} is missing`);
  });
  await report.check("no password and no SCRAM key in a log", () => {
    const log = readFileSync(join(machine.folder, "log", "kafka-bootstrap.log"), "utf8") + machine.calls().join("\n");
    const password = readFileSync(join(machine.folder, "password"), "utf8");
    ok(!log.includes(password) && !/storedKey|serverKey/i.test(log));
  });
}

/** With a .env of the lines that `terraform output -raw dotenv` prints. */
async function used({ report, command, machine }: Rehearsal): Promise<void> {
  await report.must("kafka:wait with the lines for .env", async () => {
    const { output } = await command(["kafka:wait", "--timeout", "60"]);
    match(output, /scram-sha-512/i);
  });
  await report.must("db:migrate, kafka:init, add", async () => {
    await command(["db:migrate"]);
    match((await command(["kafka:init"])).stdout, /events\.raw +created/);
    await command(["add", "todo", "water", "the", "plants"]);
  });
  await report.must("kafka:publish, router, kafka:materialize and the agents, with --once", async () => {
    for (const stage of ["kafka:publish", "router", "kafka:materialize"]) await command([stage, "--once"]);
    for (const agent of ["fetcher", "enricher", "publisher"]) await command([`agent:${agent}`, "--once"]);
    match((await command(["status"])).stdout, /ledger/i);
  });
  await report.must("npm run demo on it", async () => {
    const { stdout } = await command(["demo"], { DATABASE_URL: "", STREAM_HOME: "" });
    match(stdout, /everything is stopped; the feed stays in/);
    // A deleted topic's folder stays for a minute under another name.
    const folders = readdirSync(join(machine.folder, "data", "kafka"));
    ok(
      folders.some((name) => /^stream-agents-demo-.*events\.raw/.test(name)),
      "the demo used another Kafka",
    );
  });
}

/** What the principal may not do, and who may not come in. */
async function guarded({ report, command, machine, signal }: Rehearsal): Promise<void> {
  await report.check("a wrong password is refused in a sentence", async () => {
    const file = join(machine.folder, "wrong-password");
    writeFileSync(file, "wrong");
    const error = await command(["kafka:wait", "--timeout", "5"], { KAFKA_SASL_PASSWORD_FILE: file }).then(
      () => "nothing: it was let in",
      (failed: Error) => failed.message,
    );
    match(error, /exit 1[\s\S]*(password|authentication)/i);
    doesNotMatch(error, / at .*\.ts:/);
  });
  await report.check("the principal can neither grant rights nor make users", async () => {
    const config = join(machine.folder, "client.properties");
    const password = readFileSync(join(machine.folder, "password"), "utf8");
    const login = `org.apache.kafka.common.security.scram.ScramLoginModule required username="stream-agents" password="${password}";`;
    const lines = ["security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", `sasl.jaas.config=${login}`];
    writeFileSync(
      config,
      [...lines, "ssl.truststore.type=PEM", `ssl.truststore.location=${machine.caFile}`].join("\n"),
    );
    const java = (tool: string) => ["java", "-XX:TieredStopAtLevel=1", "-cp", machine.classPath, tool];
    const to = ["--bootstrap-server", machine.endpoint, "--command-config", config];
    const grant = ["--add", "--allow-principal", "User:other", "--operation", "All", "--topic", "*"];
    const here = { cwd: machine.folder, signal };
    await fail(
      [...java("org.apache.kafka.tools.AclCommand"), ...to, ...grant],
      here,
      /Cluster authorization failed|ClusterAuthorizationException/,
    );
    const user = [
      "--alter",
      "--add-config",
      "SCRAM-SHA-512=[password=0123456789abcdef]",
      "--entity-type",
      "users",
      "--entity-name",
      "other",
    ];
    await fail(
      [...java("kafka.admin.ConfigCommand"), ...to, ...user],
      here,
      /Cluster authorization failed|ClusterAuthorizationException/,
    );
  });
}

/** As the stack's README describes it: rights by `kafka:init --acls`, the user by Kafka's own tool, both on loopback. */
async function oneLoginPerStage({ report, command, machine, signal }: Rehearsal): Promise<void> {
  await report.check("a login for one stage: it does its part, and no other", async () => {
    const administrator = {
      KAFKA_BROKERS: machine.internal,
      KAFKA_AUTH_METHOD: "none",
      KAFKA_SSL: "",
      KAFKA_SSL_CA_FILE: "",
    };
    await command(["kafka:init", "--acls"], administrator);
    const password = "0123456789abcdef";
    const add = ["--add-config", `SCRAM-SHA-512=[password=${password}]`];
    const user = ["--alter", "--entity-type", "users", "--entity-name", "stream-fetcher", ...add];
    const tool = ["java", "-XX:TieredStopAtLevel=1", "-cp", machine.classPath, "kafka.admin.ConfigCommand"];
    await succeed([...tool, "--bootstrap-server", machine.internal, ...user], { cwd: machine.folder, signal });

    const file = join(machine.folder, "fetcher-password");
    writeFileSync(file, password);
    const fetcher = { KAFKA_SASL_USERNAME: "stream-fetcher", KAFKA_SASL_PASSWORD_FILE: file };
    await command(["agent:fetcher", "--once"], fetcher);
    const refused = await command(["router", "--once"], fetcher).then(
      () => "nothing: it was let in",
      (failed: Error) => failed.message,
    );
    match(refused, /exit 1[\s\S]*events\.raw/);
  });
}

async function renewed({ report, command, machine }: Rehearsal): Promise<void> {
  await report.check("a renewed certificate reaches the clients", async () => {
    const before = await certificateOf(machine);
    await machine.renewCertificate();
    await command(["kafka:wait", "--timeout", "60"]);
    notStrictEqual(await certificateOf(machine), before);
  });
}

/** The disk is lost: a new cluster under the same name, as after `terraform destroy` and `apply`. */
async function recreated({ report, command, machine, dotenv, databaseUrl, signal }: Rehearsal): Promise<void> {
  const env = {
    ...machine.env,
    ...variables(dotenv),
    KAFKA_SASL_PASSWORD_SSM: "/stream-agents/kafka/scram",
    AWS_REGION: "us-west-2",
    RESET_STACK: "ec2-kafka",
    STREAM_HOME: join(machine.folder, "home"),
  };
  const hook = (url: string) =>
    succeed(["bash", "../reset-hook.sh"], {
      cwd: join(INFRASTRUCTURE, "ec2-kafka"),
      signal,
      env: { ...env, DATABASE_URL: url },
    });
  await report.must("a fresh disk is a new cluster", async () => {
    const before = machine.clusterId();
    machine.replaceDisk();
    match(await machine.boot(), /new cluster/);
    notStrictEqual(machine.clusterId(), before);
  });
  await report.check("the reset hook on a machine without the ledger: says so, succeeds", async () => {
    match((await hook("")).output, /NOTHING WAS RESET/);
  });
  await report.must("the reset hook beside the ledger: the events flow again", async () => {
    match((await hook(databaseUrl)).output, /topics recreated; 1 events flow again/);
    await command(["kafka:publish", "--once"]);
    match((await hook(databaseUrl)).output, /same cluster: nothing to do/);
  });
}

/** SHA-256 of what the broker shows to clients. */
function certificateOf({ endpoint, caFile }: Machine): Promise<string> {
  const [host = "", port] = endpoint.split(":");
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ca: readFileSync(caFile), servername: host }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

/** The variables of a .env file, for a program that reads none. */
function variables(file: string): Record<string, string> {
  const lines = readFileSync(file, "utf8").matchAll(/^([A-Z_]+)=(.*)$/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
}
