/**
 * The machine of infrastructure/ec2-kafka, rehearsed: its user_data is run as it is, with stand-ins (bin/) for what a machine of
 * AWS has and this one has not: packages, disk, Docker, Let's Encrypt. Kafka is the real one, by the same Java classes as in the
 * image, on loopback and free ports.
 */
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parse } from "@cdktf/hcl2json";
import { choosePort } from "../../../src/stack/ports.ts";
import { createAuthority, type TestAuthority } from "../../support/secured-kafka/certificates.ts";
import { succeed } from "../programs.ts";
import { INFRASTRUCTURE, ROOT } from "../setting.ts";
import { renderUserData } from "./render.ts";

export interface Machine {
  readonly folder: string;
  readonly endpoint: string;
  /** The listener on the machine's loopback, which asks for no login. */
  readonly internal: string;
  readonly caFile: string;
  /** Where Java finds Kafka and its tools. */
  readonly classPath: string;
  /** For programs of whoever applies: with the AWS command's stand-in and no other. */
  readonly env: Readonly<Record<string, string>>;
  /** Boots: runs user_data to its end; what it printed. */
  boot(): Promise<string>;
  /** The disk is taken away, and an empty one is there at the next boot. */
  replaceDisk(): void;
  clusterId(): string;
  calls(): string[];
  /** A new certificate from the authority; what certbot then runs. */
  renewCertificate(): Promise<void>;
  /** Writes the lines of `terraform output -raw dotenv` to a file and does what they ask for. Returns the file. */
  dotenv(): Promise<string>;
  stop(): void;
}

const STUBS = join(ROOT, "test", "infra", "machine", "bin");
const BOOT_MS = 240_000;

export async function createMachine(folder: string, classPath: string, signal: AbortSignal): Promise<Machine> {
  const rendered = await renderUserData(folder, signal);
  if (typeof rendered !== "string") throw new Error(rendered.missing);
  const at = (name: string) => join(folder, name);
  const authority = createAuthority(folder);
  putCertificate(folder, authority, "first");
  writeFileSync(at("password"), randomBytes(24).toString("hex"), { mode: 0o600 });
  writeFileSync(at("fstab"), "");
  for (const name of ["bin", "log", "units"]) mkdirSync(at(name));
  const { script, port, internal } = await onLoopback(readFileSync(rendered, "utf8"), folder);
  writeFileSync(at("local.sh"), script);
  mkdirSync(at("aws-only"));
  symlinkSync(join(STUBS, "aws"), join(at("aws-only"), "aws"));
  const env = { STUBS, WORK: folder, KAFKA_CLASS_PATH: classPath };
  const here = { cwd: folder, signal, env: { ...env, PATH: `${STUBS}:${process.env.PATH}` } };
  const endpoint = `localhost:${port}`;
  return {
    folder,
    endpoint,
    internal,
    caFile: authority.caFile,
    classPath,
    env: { ...env, PATH: `${at("aws-only")}:${process.env.PATH}` },
    boot: async () => (await succeed(["bash", "local.sh"], { ...here, timeoutMs: BOOT_MS })).output,
    replaceDisk() {
      stopBroker(folder);
      for (const name of ["data", "formatted", "mounted"]) rmSync(at(name), { recursive: true, force: true });
    },
    clusterId: () => /cluster\.id=(.*)/.exec(readFileSync(at("data/kafka/meta.properties"), "utf8"))?.[1] ?? "",
    calls: () => readFileSync(at("calls"), "utf8").trim().split("\n"),
    async renewCertificate() {
      putCertificate(folder, authority, "renewed");
      await succeed([join(STUBS, "certbot"), "renew"], here);
      await succeed(["bash", at("bin/kafka-cert")], here);
    },
    async dotenv() {
      const lines = (await dotenvOutput()).replace("localhost:9093", endpoint);
      const command = /^# (\(umask 077; aws .*\))$/m.exec(lines)?.[1] ?? "";
      // Its input is a socket, which bash takes for a remote shell: it would read ~/.bashrc and whatever PATH that sets.
      await succeed(["bash", "--norc", "-c", command], here);
      writeFileSync(at(".env"), lines.replace("=.env.kafka-password", `=${at(".env.kafka-password")}`));
      // Let's Encrypt's CA is known everywhere; the rehearsal's is not.
      appendFileSync(at(".env"), `KAFKA_SSL_CA_FILE=${authority.caFile}\n`);
      return at(".env");
    },
    stop: () => stopBroker(folder),
  };
}

/** What certbot finds at Let's Encrypt. */
function putCertificate(folder: string, authority: TestAuthority, name: string): void {
  const { certFile, keyFile } = authority.issue(name, { commonName: "localhost", names: "DNS:localhost" });
  cpSync(keyFile, join(folder, "privkey.pem"));
  writeFileSync(join(folder, "fullchain.pem"), readFileSync(certFile, "utf8") + readFileSync(authority.caFile, "utf8"));
}

/** Every path of the machine below a folder, every port free and on loopback; nothing else is changed. */
async function onLoopback(
  userData: string,
  folder: string,
): Promise<{ script: string; port: number; internal: string }> {
  const [client, internal, controller] = [await free(), await free(), await free()];
  const script = userData
    .replaceAll("/data", `${folder}/data`)
    .replaceAll("/usr/local/bin", `${folder}/bin`)
    .replaceAll("/etc/systemd/system", `${folder}/units`)
    .replaceAll("/etc/fstab", `${folder}/fstab`)
    .replaceAll("/var/log", `${folder}/log`)
    .replaceAll("/opt/certbot", `${folder}/certbot`)
    .replaceAll("CLIENT://:9093", `CLIENT://127.0.0.1:${client}`)
    .replaceAll("localhost:9093", `localhost:${client}`)
    .replaceAll("127.0.0.1:9092", `127.0.0.1:${internal}`)
    .replaceAll("127.0.0.1:9094", `127.0.0.1:${controller}`);
  return { script, port: client, internal: `127.0.0.1:${internal}` };
}

function free(): Promise<number> {
  return choosePort(undefined, "");
}

/** The output `dotenv` of the stack, with the rehearsal's values in it. */
async function dotenvOutput(): Promise<string> {
  const source = readFileSync(join(INFRASTRUCTURE, "ec2-kafka", "outputs.tf"), "utf8");
  const { output } = (await parse("outputs.tf", source)) as { output: { dotenv: [{ value: string }] } };
  const values: Record<string, string> = {
    "local.fqdn": "localhost",
    "var.region": "us-west-2",
    "var.scram_parameter": "/stream-agents/kafka/scram",
  };
  return output.dotenv[0].value.replace(/\$\{([^}]+)\}/g, (_, name: string) => values[name] ?? "");
}

/** Ends the broker by the process id that its start wrote down, and waits until it is gone. */
function stopBroker(folder: string): void {
  const file = join(folder, "kafka.pid");
  if (!existsSync(file)) return;
  Bun.spawnSync([join(STUBS, "docker"), "rm", "kafka"], { env: { PATH: process.env.PATH, STUBS, WORK: folder } });
}
