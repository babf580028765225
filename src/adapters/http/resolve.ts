import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";
import { RetryableError, TerminalError } from "../../engine/errors.ts";
import { isPublicAddress } from "./address.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Target } from "./target.ts";

/** An address to connect to; `family` is 4 or 6. */
export interface Address {
  readonly address: string;
  readonly family: number;
}

/** Finds all addresses of a host name. */
export type Lookup = (hostname: string) => Promise<readonly Address[]>;

/** The system's resolver, hosts file included. */
export const defaultLookup: Lookup = (hostname) => systemLookup(hostname, { all: true, verbatim: true });

/**
 * The addresses of a target, every one checked: one private address among them refuses the host, since a mixed answer
 * is how a name is made to point inside. IPv4 comes first, because a machine without IPv6 then loses no time.
 */
export async function resolveTarget(target: Target, lookup: Lookup, deadlines: Deadlines): Promise<Address[]> {
  const found = await addressesOf(target.hostname, lookup, deadlines);
  if (!target.allowed) {
    const inside = found.find(({ address }) => !isPublicAddress(address));
    if (inside) throw blocked(target.hostname, inside.address);
  }
  return found.sort((a, b) => a.family - b.family);
}

async function addressesOf(hostname: string, lookup: Lookup, deadlines: Deadlines): Promise<Address[]> {
  const literal = isIP(hostname);
  if (literal !== 0) return [{ address: hostname, family: literal }];
  const found = await deadlines.race(
    lookup(hostname).catch((error: unknown) => {
      throw dnsFailure(hostname, error);
    }),
  );
  if (found.length === 0) throw dnsFailure(hostname, undefined);
  return [...found];
}

function blocked(hostname: string, address: string): TerminalError {
  const where = hostname === address ? address : `${hostname} (${address})`;
  return new TerminalError(`${where} is not a public address, so it is not read`, "blocked_address");
}

function dnsFailure(hostname: string, cause: unknown): RetryableError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const what = /NOTFOUND|NODATA|NONAME/.test(code) || !cause ? "does not exist" : "could not be looked up right now";
  return new RetryableError(`the host name ${hostname} ${what}`, "dns", { cause });
}
