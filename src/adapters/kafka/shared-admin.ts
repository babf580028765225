import { Admin } from "@platformatic/kafka";
import type { KafkaConfig } from "../../config.ts";
import { BOUNDED, clientOptions } from "./client-options.ts";
import { classifyKafka } from "./errors.ts";

/** Longer than between two looks of the relay, which asks most often. */
const IDLE_MS = 60_000;

/** A client that several questions use at the same time. */
interface Shared {
  readonly admin: Admin;
  users: number;
  /** Nobody gets it any more; the last user closes it. */
  retired: boolean;
  idle?: ReturnType<typeof setTimeout>;
}

/** By configuration: an app has one, whatever asks within it. */
const open = new Map<KafkaConfig, Shared>();

/**
 * Runs a piece of administration on the app's one bounded client. A client for each would log in each time: with IAM a
 * small broker takes four logins a second. After an error the next call gets a new one. `topics`: those it is about.
 */
export async function withAdmin<T>(
  config: KafkaConfig,
  work: (admin: Admin) => Promise<T>,
  topics: readonly string[] = [],
): Promise<T> {
  const shared = open.get(config) ?? create(config);
  clearTimeout(shared.idle);
  shared.users += 1;
  try {
    return await work(shared.admin);
  } catch (error) {
    retire(config, shared);
    throw classifyKafka(error, { config, topics });
  } finally {
    shared.users -= 1;
    if (shared.users === 0) await rest(config, shared);
  }
}

/** Closes the app's client, if one is open. */
export async function closeAdmin(config: KafkaConfig): Promise<void> {
  const shared = open.get(config);
  if (!shared) return;
  retire(config, shared);
  if (shared.users === 0) await rest(config, shared);
}

function create(config: KafkaConfig): Shared {
  const admin = new Admin(clientOptions(config, BOUNDED));
  admin.on("error", () => {}); // Whoever waits for an answer gets it too.
  const shared: Shared = { admin, users: 0, retired: false };
  open.set(config, shared);
  return shared;
}

function retire(config: KafkaConfig, shared: Shared): void {
  shared.retired = true;
  if (open.get(config) === shared) open.delete(config);
}

async function rest(config: KafkaConfig, shared: Shared): Promise<void> {
  clearTimeout(shared.idle);
  if (shared.retired) return shared.admin.close().catch(() => {});
  shared.idle = setTimeout(() => void closeAdmin(config), IDLE_MS);
  shared.idle.unref();
}
