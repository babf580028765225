import type { Life } from "../life.ts";

/** The ledger flowed anew, once, for this reason: seen by the system itself, and written down. */
export async function requireFlows({ world }: Life, reason: RegExp): Promise<void> {
  const flows = await world.app.db<{ reason: string }[]>`
    select reason from lifestream.ledger_flows order by generation`;
  if (flows.length === 1 && reason.test(flows[0]?.reason ?? "")) return;
  throw new Error(`the ledger flowed anew ${flows.length} times: ${flows.map((flow) => flow.reason).join("; ")}`);
}
