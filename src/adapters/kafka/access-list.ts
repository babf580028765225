import {
  type Acl,
  AclOperations,
  AclPermissionTypes,
  type Admin,
  ResourcePatternTypes,
  ResourceTypes,
} from "@platformatic/kafka";
import type { KafkaConfig } from "../../config.ts";
import { UserError } from "../../engine/errors.ts";
import type { AccessList, AccessOperation, Grant, Right } from "../../engine/log.ts";
import { causes } from "./causes.ts";
import { isDenied, lookUp } from "./named-topics.ts";
import { withAdmin } from "./shared-admin.ts";

/** Kafka's access control lists. Whoever changes them needs the right ALTER on the cluster, or to be a super user. */
export function createAccessList(config: KafkaConfig): AccessList {
  return {
    compare: (wanted) => inWords(config, (admin) => compare(admin, wanted)),
    add: async (grants) => {
      if (grants.length === 0) return;
      await inWords(config, (admin) => admin.createAcls({ creations: grants.map(toAcl) }));
    },
    lacking: (rights) => withAdmin(config, (admin) => lacking(admin, rights)),
  };
}

/** Says what a refusal means here, where everything asked is asked of the cluster itself. */
function inWords<T>(config: KafkaConfig, work: (admin: Admin) => Promise<T>): Promise<T> {
  return withAdmin(config, work).catch((error) => {
    throw refusal(error) ?? error;
  });
}

function refusal(error: unknown): UserError | null {
  if (isDenied(error)) {
    const who = "this login may not change access rights: use one that has ALTER on the cluster";
    return new UserError(`${who}, or have its administrator run what "--dry-run" prints`, 1, { cause: error });
  }
  if ([...causes(error)].some((inner) => inner.apiId === "SECURITY_DISABLED")) {
    return new UserError("this Kafka keeps no access rights (it has no authorizer): everybody may do everything");
  }
  return null;
}

const ANY = { operation: AclOperations.ANY, permissionType: AclPermissionTypes.ANY } as const;

async function compare(admin: Admin, wanted: readonly Grant[]) {
  const there: Acl[] = [];
  for (const principal of new Set(wanted.map((grant) => grant.principal))) {
    const everything = { resourceType: ResourceTypes.ANY, resourcePatternType: ResourcePatternTypes.ANY, ...ANY };
    const resources = await admin.describeAcls({
      filter: { ...everything, principal, resourceName: null, host: null },
    });
    there.push(...resources.flatMap(({ acls, ...target }) => acls.map((acl) => ({ ...target, ...acl }))));
  }
  const known = new Set(there.map(keyOf));
  const ours = new Set(wanted.map((grant) => keyOf(toAcl(grant))));
  return {
    missing: wanted.filter((grant) => !known.has(keyOf(toAcl(grant)))),
    extra: there.filter((acl) => !ours.has(keyOf(acl))).map(describe),
  };
}

function toAcl({ principal, kind, name, operation }: Grant): Acl {
  return {
    principal,
    host: "*",
    resourceType: kind === "topic" ? ResourceTypes.TOPIC : ResourceTypes.GROUP,
    resourceName: name,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    operation: OPERATIONS[operation],
    permissionType: AclPermissionTypes.ALLOW,
  };
}

const OPERATIONS = {
  read: AclOperations.READ,
  write: AclOperations.WRITE,
  create: AclOperations.CREATE,
  delete: AclOperations.DELETE,
  alter: AclOperations.ALTER,
  describe: AclOperations.DESCRIBE,
  alter_configs: AclOperations.ALTER_CONFIGS,
} as const satisfies Record<AccessOperation, number>;

function keyOf(acl: Acl): string {
  const { principal, host, resourceType, resourceName, resourcePatternType, operation, permissionType } = acl;
  return JSON.stringify([principal, host, resourceType, resourceName, resourcePatternType, operation, permissionType]);
}

function describe(acl: Acl): string {
  const named = (names: Readonly<Record<string, number>>, value: number) =>
    Object.keys(names).find((name) => names[name] === value) ?? String(value);
  const denied = acl.permissionType === AclPermissionTypes.DENY ? "not " : "";
  const star = acl.resourcePatternType === ResourcePatternTypes.PREFIXED ? "*" : "";
  const what = `${named(AclOperations, acl.operation)} on ${named(ResourceTypes, acl.resourceType).toLowerCase()}`;
  return `${acl.principal} ${denied}${what} ${acl.resourceName}${star}`;
}

/** Asks the brokers what the present login may do; a topic that does not exist has no rights to lack. */
async function lacking(admin: Admin, rights: readonly Right[]): Promise<Right[]> {
  const topics = await lookUp(admin, namesOf(rights, "topic"), { withOperations: true });
  const allowed = new Map([...topics.present].map(([name, topic]) => [name, topic.topicAuthorizedOperations]));
  for (const name of topics.denied) allowed.set(name, 0);
  const groups = new Map<string, number>();
  for (const name of namesOf(rights, "group")) groups.set(name, await operationsOnGroup(admin, name));
  return rights.filter(({ kind, name, operation }) => {
    const bits = (kind === "topic" ? allowed : groups).get(name);
    return bits !== undefined && (bits & (1 << OPERATIONS[operation])) === 0;
  });
}

async function operationsOnGroup(admin: Admin, name: string): Promise<number> {
  try {
    const groups = await admin.describeGroups({ groups: [name], includeAuthorizedOperations: true });
    return groups.get(name)?.authorizedOperations ?? 0;
  } catch (error) {
    if (isDenied(error)) return 0;
    throw error;
  }
}

function namesOf(rights: readonly Right[], kind: Right["kind"]): string[] {
  return [...new Set(rights.filter((right) => right.kind === kind).map((right) => right.name))];
}
