/** Hosts a person opened by name: private addresses and unusual ports are fine there, and only there. */
export interface AllowList {
  has(hostname: string, port: number): boolean;
}

/**
 * Reads `host` (every port of it) and `host:port` entries; IPv6 in brackets. The name as written in the URL counts,
 * never the address it leads to.
 */
export function createAllowList(entries: readonly string[]): AllowList {
  const allowed = new Set(entries.map(canonicalEntry).filter((entry) => entry !== null));
  return { has: (hostname, port) => allowed.has(hostname) || allowed.has(`${hostname}:${port}`) };
}

/** An entry in the form URLs have (lower case, numbers as dotted IPv4), or null when it names no host. */
function canonicalEntry(entry: string): string | null {
  const text = entry.trim();
  const url = `http://${text}/`;
  if (!text || !URL.canParse(url)) return null;
  const port = /:(\d+)$/.exec(text)?.[1];
  const hostname = bareHostname(new URL(url));
  return port ? `${hostname}:${Number(port)}` : hostname;
}

/** A URL's host name without the root dot, which resolves to the same place but compares differently. */
export function bareHostname(url: URL): string {
  return url.hostname.replace(/\.+$/, "");
}
