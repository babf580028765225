import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Public by number, but the platform's own service inside that cloud: Azure's wire server. */
const PLATFORM_ADDRESSES = new Set(["168.63.129.16"]);

/** Where IANA hands out addresses of the public IPv6 internet; whatever lies outside is special in some way. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Whether an address belongs to the public internet. Everything else is refused, also forms that carry an IPv4
 * address inside (mapped, NAT64, 6to4, Teredo): they would reach whatever that inner address is.
 * Source: the IANA special-purpose address registries, as ipaddr.js knows them.
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast" || PLATFORM_ADDRESSES.has(parsed.toString())) return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_IPV6);
}
