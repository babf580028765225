import { createAccessList } from "../adapters/kafka/access-list.ts";
import { brokerVersion } from "../adapters/kafka/broker-version.ts";
import { splitAddress, tlsOptions } from "../adapters/kafka/client-options.ts";
import { probeBroker } from "../adapters/kafka/probe.ts";
import type { ProblemKind } from "../adapters/kafka/problems.ts";
import type { App } from "../app.ts";
import type { KafkaConfig } from "../config.ts";
import { RefusedError } from "../engine/errors.ts";
import type { LogIdentity, Right } from "../engine/log.ts";
import { within } from "../engine/patience.ts";
import { EVENTS_TOPIC } from "../engine/topics.ts";
import { bundled } from "../pipeline/bundled-rights.ts";
import { changedTopics } from "../pipeline/relay.ts";
import { type Role, rolesOf, withPrefix } from "../pipeline/roles.ts";
import { changesOf, type TopicPlan } from "../pipeline/topic-plan.ts";
import { planTopics } from "../pipeline/topics.ts";
import { type Check, fail, type Outcome, ok, warn } from "./check.ts";
import { type Clock, judgeForAws } from "./clock.ts";
import { addressesOf, certificateOf, describeCertificate } from "./network.ts";
import type { Target } from "./postgres.ts";
import { mayBeStale, STALE } from "./stale-dns.ts";

/** What a name that leads to an address of before looks like. */
const LOST: readonly ProblemKind[] = ["nothing_listens", "no_answer", "no_route", "silent", "certificate_name"];
const isLost = (kind: ProblemKind, host: string) => LOST.includes(kind) && mayBeStale(host);

export interface KafkaTarget extends Target {
  /** The stage that this login is for; null: told by its name, or all. */
  readonly as: string | null;
  readonly clock: Clock;
}

export function kafkaChecks(target: KafkaTarget): Check[] {
  const { app, source, problem, clock } = target;
  const { kind, why } = app.transport;
  // Where there is no address there is no transport yet either: then only what was wished for.
  const family = kind === "embedded" || app.config.transport === "embedded" ? "log" : "Kafka";
  const check = (name: string, needs: readonly string[], run: Check["run"]): Check => ({
    family,
    name,
    needs,
    run,
  });
  if (problem) return [check("address", [], async () => fail(problem, "See .env.example for the form of an address."))];
  if (kind === "embedded") {
    return [
      check("transport", [], async () => ok(`embedded, tables in Postgres: ${why}`)),
      check("identity", [], () => checkIdentity(app)),
      check("topics", [], () => checkTopics(app)),
    ];
  }
  const kafka = { ...app.config.kafka, brokers: app.kafkaBrokers };
  const aws = check("AWS clock", ["address"], async () => judgeForAws(await clock.ahead()));
  return [
    check("address", [], async () => ok(`${kafka.brokers.join(", ")}, ${source}; ${security(kafka)}`)),
    check("TLS", ["address"], () => checkCertificates(kafka)),
    check("broker", ["address"], () => checkBrokers(kafka)),
    check("version", ["broker"], () => checkVersion(kafka)),
    check("cluster", ["broker"], () => checkIdentity(app)),
    check("topics", ["broker"], () => checkTopics(app)),
    check("rights", ["broker"], () => checkRights(target, kafka)),
    ...(kafka.auth === "aws-iam" ? [aws] : []),
  ];
}

function security({ auth, ssl, username }: KafkaConfig): string {
  return `login ${auth}${username ? ` as ${username}` : ""}, ${ssl ? "TLS" : "in the clear"}`;
}

async function checkCertificates(kafka: KafkaConfig): Promise<Outcome[]> {
  if (!kafka.ssl) return [ok("not used")];
  const { ca: _, ...own } = tlsOptions(kafka);
  const shown = kafka.brokers.map(async (broker): Promise<Outcome> => {
    const { host, port } = splitAddress(broker);
    const certificate = await certificateOf(host, port, own);
    if (!certificate) return warn(`${broker} shows no certificate`);
    const { text, isSoon } = describeCertificate(certificate, new Date());
    return isSoon ? warn(`${broker}: ${text}`, "Renew the broker's certificate.") : ok(`${broker}: ${text}`);
  });
  return Promise.all(shown);
}

/** Tries every broker; those that cannot be used are no more than a warning while another one can. */
async function checkBrokers(kafka: KafkaConfig): Promise<Outcome[]> {
  const outcomes = await Promise.all(kafka.brokers.map((broker) => checkBroker(kafka, broker)));
  const usable = outcomes.some(({ level }) => level === "ok");
  return outcomes.map((one) => (one.level === "fail" && usable ? { ...one, level: "warn" } : one));
}

async function checkBroker(kafka: KafkaConfig, broker: string): Promise<Outcome> {
  const { host } = splitAddress(broker);
  const addresses = await addressesOf(host).catch(() => []);
  const others = addresses.filter((address) => address !== host);
  const done: string[] = [];
  for await (const { step, ms, problem, detail } of probeBroker(kafka, broker, EVENTS_TOPIC)) {
    // A login that may not see this topic may well be a stage's: its rights are a check of their own.
    if (problem?.kind === "topic_rights") break;
    const found = [broker, ...others, ...done].join("  ");
    if (problem) return fail(`${found}  ${step}: ${detail}`, isLost(problem.kind, host) ? STALE : undefined);
    done.push(`${step} ${ms} ms`);
  }
  return ok([broker, ...others, ...done].join("  "));
}

async function checkVersion(kafka: KafkaConfig): Promise<Outcome> {
  const version = await brokerVersion(kafka);
  return version
    ? ok(`Kafka ${version}`)
    : fail("older than 3.1", "Upgrade the brokers: 3.1 is the oldest that works.");
}

/** Postgres' own checks wait longer for it. */
const PATIENCE_MS = 3_000;

/** Is it the cluster that the ledger was forwarded to? A new one has another id, and topics of other ids. */
async function checkIdentity({ log, store, registry, transport }: App): Promise<Outcome> {
  const now = await identityOf(
    log,
    registry.topics.map(({ name }) => name),
  );
  const asked = store.forwarding.knownIdentity().catch(() => undefined);
  const known = await within(PATIENCE_MS, asked, () => undefined);
  if (known === undefined) return warn(`${now.clusterId}; which one the ledger was sent to, Postgres did not tell`);
  if (known === null) return ok(`${now.clusterId}, nothing was sent to any other yet`);
  if (known.clusterId !== now.clusterId && transport.kind === "embedded") {
    return warn(
      `the ledger was sent to another log before (${known.clusterId})`,
      "The relay sends all of it to this one.",
    );
  }
  if (known.clusterId !== now.clusterId) {
    const detail = `${now.clusterId} is another cluster than the ledger was sent to (${known.clusterId})`;
    return fail(detail, `If it was made anew, run "npm run kafka:reset". ${STALE}`);
  }
  const changed = changedTopics(known, now);
  if (changed.length === 0) return ok(`${now.clusterId}, the one that the ledger was sent to`);
  return fail(`${changed.join(", ")} was made anew since the ledger was sent`, 'Run "npm run kafka:reset".');
}

/** A login that may not see all topics can still tell the cluster. */
async function identityOf(log: App["log"], topics: readonly string[]): Promise<LogIdentity> {
  try {
    return await log.identity(topics);
  } catch (error) {
    if (error instanceof RefusedError) return log.identity([]);
    throw error;
  }
}

async function checkTopics({ log, registry }: App): Promise<Outcome[]> {
  const plans = await planTopics(log, registry.topics);
  const seen = plans.filter(({ did }) => did !== "denied");
  const unlike = seen.map(judgeTopic).filter((outcome) => outcome !== null);
  if (unlike.length > 0) return unlike;
  const denied = plans.length - seen.length;
  return [ok(`${seen.length} as they should be${denied > 0 ? `, ${denied} not for this login to see` : ""}`)];
}

function judgeTopic(plan: TopicPlan): Outcome | null {
  const { name, did, partitions, notes, copies, placement, reassignment } = plan;
  if (did === "created") return fail(`${name} does not exist`, 'Run "npm run kafka:init".');
  const changes = changesOf(plan);
  if (changes) return warn(`${name} should have ${changes}`, 'Run "npm run kafka:init".');
  if (partitions.wanted > partitions.has) {
    const remedy = 'See "npm run kafka:init -- --dry-run" for what adding them means.';
    return warn(`${name} has ${partitions.has} partitions instead of ${partitions.wanted}`, remedy);
  }
  if (reassignment) {
    return warn(
      `${name} has ${copies} of ${placement.replication} copies`,
      '"npm run kafka:init" says how to add them.',
    );
  }
  return notes.length > 0 ? warn(`${name}: ${notes.join("; ")}`) : null;
}

/** What this login lacks for the stage it is for; without a stage, for which stages it will do. */
async function checkRights({ app, as }: KafkaTarget, kafka: KafkaConfig): Promise<Outcome> {
  const roles = rolesOf(app.registry);
  const list = createAccessList(kafka);
  const lackingOf = (role: Role) => list.lacking(withPrefix(role.rights, kafka.topicPrefix));
  const own = as ? roles.filter(({ name }) => name === as) : roles.filter(({ name }) => isNamed(kafka.username, name));
  const [role] = own;
  if (role) {
    const lacks = await lackingOf(role);
    return lacks.length > 0
      ? fail(`as ${role.name} it lacks ${inWords(lacks)}`, GRANT)
      : ok(`all that ${role.name} needs`);
  }
  const enough: string[] = [];
  for (const one of roles) if ((await lackingOf(one)).length === 0) enough.push(one.name);
  if (enough.length === roles.length) return ok("all that any stage needs");
  return enough.length > 0
    ? ok(`enough for ${enough.join(", ")} ("--as STAGE" tells what another lacks)`)
    : fail("not enough for any stage", GRANT);
}

const GRANT = 'Have an administrator run "npm run kafka:init -- --acls", or what it prints with --dry-run.';

/** `stream-relay` is the relay's login, as `kafka:init --acls` names it. */
function isNamed(username: string | undefined, role: string): boolean {
  return username === role || username?.endsWith(`-${role}`) === true;
}

function inWords(rights: readonly Right[]): string {
  return bundled(rights)
    .map(({ operations, kind, names }) => `${operations.join(", ").toUpperCase()} on ${kind} ${names.join(", ")}`)
    .join("; ");
}
