import { isIP } from "node:net";

/** Said below a check that failed as it would with a stale name; the whole explanation then follows at the end. */
export const STALE = "The name may still lead to where it led before: see below.";

/** Addresses are never stale, and this machine is where it always was. */
export function mayBeStale(host: string): boolean {
  return isIP(host) === 0 && host !== "localhost";
}

/** What to do about a name that still leads to an address of before: said where it may be the reason. */
export const STALE_DNS = `Stale DNS: after "terraform destroy" and "apply" the servers have new addresses under the same names, and this machine, its
router or its resolver may go on answering with the old ones until they expire (minutes, at worst an hour). Compare what
this machine says with what a public resolver says, then forget what is remembered here:
  compare             dig +short NAME   and   dig +short NAME @1.1.1.1     (Windows: nslookup NAME 1.1.1.1)
  macOS               sudo dscacheutil -flushcache; sudo killall -HUP mDNSResponder
  Linux, systemd      sudo resolvectl flush-caches
  Linux, nscd         sudo nscd --invalidate=hosts
  Windows             ipconfig /flushdns
A program that runs keeps its own answers: start the stages again afterwards. Where only the public resolver is right,
the router remembers: restart it, or wait.`;
