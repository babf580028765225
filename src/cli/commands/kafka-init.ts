import { createAccessList } from "../../adapters/kafka/access-list.ts";
import type { App } from "../../app.ts";
import { UserError } from "../../engine/errors.ts";
import type { Registry } from "../../engine/registry.ts";
import { grantsFor, rolesOf } from "../../pipeline/roles.ts";
import { applyPlans, type PartitionWishes, planTopics, type TopicReport } from "../../pipeline/topics.ts";
import { accessCommands, accessTable } from "../access-report.ts";
import type { CommandInput } from "../command.ts";
import { createContext, kafkaBrokersOf, openCommandApp } from "../context.ts";
import { requireKafka } from "../require-kafka.ts";
import { missingCopies, ORDERING, topicLines } from "../topic-report.ts";

/** Topics as they should be on this cluster; with `--acls` instead the rights of each stage's login. */
export async function kafkaInit({ options }: CommandInput): Promise<void> {
  const context = createContext();
  const offline = options.acls === true && options.dryRun === true;
  await using app = await openCommandApp("kafka:init", { postgres: false, kafka: !offline, withAgents: true }, context);
  if (!offline) await requireKafka(app);
  // Awaited here: what is returned unawaited outlives the app.
  await (options.acls ? initAccess(app, options) : initTopics(app, options));
}

async function initTopics(
  { log, registry, config, kafkaBrokers, transport }: App,
  options: CommandInput["options"],
): Promise<void> {
  const dryRun = options.dryRun === true;
  const wishes = partitionWishes(options.partitions, registry);
  const plans = await planTopics(log, registry.topics, wishes);
  const [{ placement }] = plans as [(typeof plans)[number], ...typeof plans];
  // In Postgres there is nothing to say of brokers and copies.
  if (transport.kind === "kafka")
    console.log(`${placement.because}: replication ${placement.replication}, min.insync.replicas ${placement.minIsr}`);
  const reports = dryRun ? [] : await applyPlans(log, plans, { grow: options.yes === true });
  console.log(topicLines(dryRun ? plans : reports, { dryRun }));
  if (plans.some(({ partitions }) => partitions.has > 0 && partitions.wanted > partitions.has)) console.log(ORDERING);
  const copies = missingCopies(plans, config.kafka.topicPrefix, kafkaBrokers.join(","));
  if (copies) console.log(copies);
  const undone = dryRun ? plans.filter(({ did }) => did === "denied") : reports.filter((one) => isUndone(one, wishes));
  if (undone.length > 0) throw new UserError(`not done: ${undone.map(({ name }) => name).join(", ")} (see above)`);
}

/** Fewer partitions than the contract's is told and no failure; fewer than were asked for is one. */
function isUndone({ name, did, failed, partitions, notGrown }: TopicReport, wishes: PartitionWishes): boolean {
  const asked = wishes.get(name) ?? 0;
  const has = Math.max(partitions.has, notGrown ? 0 : partitions.wanted);
  return failed !== null || did === "denied" || asked > has;
}

/** `events.raw=6`, as often as there are topics. */
function partitionWishes(option: unknown, registry: Registry): PartitionWishes {
  const names = registry.topics.map((topic) => topic.name);
  return new Map(
    ((option ?? []) as string[]).map((text) => {
      const [, name = "", count = ""] = /^(.+)=(\d{1,4})$/.exec(text) ?? [];
      if (!names.includes(name) || Number(count) < 1) {
        throw new UserError(
          `--partitions takes TOPIC=COUNT, and the topics are ${names.join(", ")}: "${text}" is not`,
          2,
        );
      }
      return [name, Number(count)];
    }),
  );
}

const DEFAULT_PRINCIPAL_PREFIX = "stream-";

async function initAccess({ registry, config, transport }: App, options: CommandInput["options"]): Promise<void> {
  const principalPrefix = (options.principalPrefix as string | undefined) ?? DEFAULT_PRINCIPAL_PREFIX;
  const prefixes = { topicPrefix: config.kafka.topicPrefix, principalPrefix };
  const roles = rolesOf(registry);
  const grants = grantsFor(roles, prefixes);
  if (options.dryRun) {
    console.log(accessTable(roles, prefixes));
    console.log(`\nNothing was changed. As commands of Kafka's own tools:\n`);
    console.log(accessCommands(grants, config.kafka.brokers.join(",") || "BROKER:PORT"));
    return;
  }
  if (transport.kind === "embedded") throw new UserError("there are no rights to grant: the log is in Postgres");
  const list = createAccessList({ ...config.kafka, brokers: kafkaBrokersOf(config) });
  const { missing, extra } = await list.compare(grants);
  await list.add(missing);
  for (const principal of new Set(grants.map((grant) => grant.principal))) {
    const isTheirs = (grant: { principal: string }) => grant.principal === principal;
    const added = missing.filter(isTheirs).length;
    console.log(`${principal.padEnd(28)} ${added} granted, ${grants.filter(isTheirs).length - added} there before`);
  }
  for (const line of extra) console.log(`more than it needs: ${line}`);
}
