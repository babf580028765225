import type { KafkaConfig } from "../../config.ts";
import { withAdmin } from "./shared-admin.ts";

/** What a broker of some version or newer answers: the lowest version of a request that it still takes. */
const SIGNS = [
  { since: "4.0 or newer", request: "Fetch", min: 4, max: 0 },
  { since: "3.7 or newer", request: "ConsumerGroupHeartbeat", min: 0, max: 0 },
  { since: "3.1 or newer", request: "Metadata", min: 0, max: 12 },
] as const;

/** A broker does not tell its version, only which requests it takes; null: older than we can use. */
export async function brokerVersion(config: KafkaConfig): Promise<string | null> {
  const requests = await withAdmin(config, (admin) => admin.listApis());
  const found = SIGNS.find(({ request, min, max }) =>
    requests.some((one) => one.name === request && one.minVersion >= min && one.maxVersion >= max),
  );
  return found?.since ?? null;
}
