import { AclOperations, AclPermissionTypes, Admin, ResourcePatternTypes, ResourceTypes } from "@platformatic/kafka";
import type { SecuredKafka, User } from "./secured-kafka.ts";

type Operation = "read" | "write" | "describe";

/** What somebody may do with topics and groups, as they are called in the cluster. */
interface Rights {
  readonly topics?: readonly string[];
  readonly groups?: readonly string[];
  readonly operations: readonly Operation[];
}

const OPERATIONS = { read: AclOperations.READ, write: AclOperations.WRITE, describe: AclOperations.DESCRIBE } as const;

/** Gives a user rights, as an administrator does. */
export function grant(kafka: SecuredKafka, user: User, rights: Rights): Promise<void> {
  return asAdministrator(kafka, (admin) => admin.createAcls({ creations: acls(user, rights) }));
}

/** Takes them away again. */
export async function revoke(kafka: SecuredKafka, user: User, rights: Rights): Promise<void> {
  await asAdministrator(kafka, (admin) => admin.deleteAcls({ filters: acls(user, rights) }));
}

function acls(user: User, { topics = [], groups = [], operations }: Rights) {
  const resources = [
    ...topics.map((name) => ({ resourceType: ResourceTypes.TOPIC, resourceName: name })),
    ...groups.map((name) => ({ resourceType: ResourceTypes.GROUP, resourceName: name })),
  ];
  return resources.flatMap((resource) =>
    operations.map((operation) => ({
      ...resource,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: `User:${user}`,
      host: "*",
      operation: OPERATIONS[operation],
      permissionType: AclPermissionTypes.ALLOW,
    })),
  );
}

async function asAdministrator<T>(kafka: SecuredKafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ clientId: "administrator", bootstrapBrokers: [kafka.brokers("plaintext")] });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}
