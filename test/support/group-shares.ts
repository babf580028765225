import { Admin } from "@platformatic/kafka";
import type { TestApp } from "./test-app.ts";

/** How many partitions each member of a consumer group owns, as the broker knows it; empty while the group moves. */
export async function groupShares({ env }: TestApp, group: string): Promise<number[]> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: (env.KAFKA_BROKERS ?? "").split(",") });
  try {
    const id = `${env.KAFKA_TOPIC_PREFIX}${group}`;
    const described = (await admin.describeGroups({ groups: [id] })).get(id);
    if (described?.state !== "Stable") return [];
    return [...described.members.values()].map((member) =>
      [...(member.assignments?.values() ?? [])].reduce((sum, { partitions }) => sum + partitions.length, 0),
    );
  } finally {
    await admin.close();
  }
}
