import { TerminalError } from "../../engine/errors.ts";
import { type AllowList, bareHostname } from "./allow-list.ts";

/** One place to ask, checked as far as the URL alone tells. */
export interface Target {
  readonly url: URL;
  readonly secure: boolean;
  /** Without brackets and without the root dot. */
  readonly hostname: string;
  readonly port: number;
  /** The `Host` header: the port only when it is not the scheme's own. */
  readonly hostHeader: string;
  /** Opened by a person; private addresses are fine here. */
  readonly allowed: boolean;
}

/** Parses and checks a URL. Throws TerminalError `bad_url`, or `blocked_address` for a port nobody opened. */
export function parseTarget(text: string, allowList: AllowList, base?: URL): Target {
  if (!URL.canParse(text, base?.href)) throw new TerminalError("the link is not a valid URL", "bad_url");
  const url = new URL(text, base);
  const secure = url.protocol === "https:";
  if (!secure && url.protocol !== "http:") {
    throw new TerminalError("only http and https links can be read", "bad_url");
  }
  if (url.username || url.password) {
    throw new TerminalError("links with a user name or password in them are not read", "bad_url");
  }
  const hostname = bareHostname(url);
  if (!hostname) throw new TerminalError("the link names no host", "bad_url");
  const port = Number(url.port) || (secure ? 443 : 80);
  const allowed = allowList.has(hostname, port);
  if (!allowed && port !== 80 && port !== 443) {
    throw new TerminalError(`port ${port} of ${hostname} is not open to the fetcher`, "blocked_address");
  }
  url.hash = "";
  const hostHeader = url.port ? `${hostname}:${url.port}` : hostname;
  return { url, secure, hostname: hostname.replace(/^\[|\]$/g, ""), port, hostHeader, allowed };
}

/** The target a redirect points to; leaving https for http is refused. */
export function redirectTarget(location: string, from: Target, allowList: AllowList): Target {
  const next = parseTarget(location, allowList, from.url);
  if (from.secure && !next.secure) {
    throw new TerminalError("the page redirects from https to http, which is refused", "bad_url");
  }
  return next;
}
