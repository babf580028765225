import { beforeAll, describe, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { INSIDE_ADDRESSES } from "../../src/adapters/http/inside.testing.ts";
import { skippedFor } from "../support/required.ts";
import { hasOwnNetwork, inOwnNetwork } from "./own-network.ts";
import { NAMES_IN_HOSTS, PUBLIC, type Report } from "./ssrf-world.ts";

const HOSTS = `
127.0.0.1 localhost ${NAMES_IN_HOSTS[0]}
::1 ${NAMES_IN_HOSTS[1]}
192.168.0.1 ${NAMES_IN_HOSTS[2]}
169.254.169.254 ${NAMES_IN_HOSTS[3]}
`;

const missing = hasOwnNetwork ? null : "unshare and ip, and the right to make a network of one's own";

describe.skipIf(skippedFor(missing))("given every address inside on this machine, and names that lead to them", () => {
  let report: Report;
  beforeAll(async () => {
    const addresses = [...PUBLIC, ...Object.values(INSIDE_ADDRESSES).flat()];
    const script = fileURLToPath(new URL("./ssrf-attacks.ts", import.meta.url));
    report = JSON.parse(await inOwnNetwork(script, { addresses, hosts: HOSTS, search: "inside.test" }));
  }, 60_000);

  test("when links or redirects lead there, then each is refused for good", () => {
    const refused = Object.entries(report.refused);
    expect(refused.length).toBeGreaterThan(600);
    expect(refused.filter(([, outcome]) => !["blocked_address", "bad_url"].includes(outcome))).toEqual([]);
  });

  test("when a name's answer changes between look-ups, then it is read where it is public and nowhere else", () => {
    expect(new Set(report.rebound)).toEqual(new Set(["page", "blocked_address"]));
  });

  test("when all is over, then connections went to public addresses only", () => {
    expect(Object.values(report.read)).toEqual(["page", "page", "page"]);
    expect(Object.keys(report.reached).filter((address) => !PUBLIC.some((known) => known === address))).toEqual([]);
    expect(report.reached[PUBLIC[0]]).toBeGreaterThan(100);
  });

  test("when a person opens one name and one port, then these can be read, and nothing beside them", () => {
    const { opened, openedByPort, otherName, otherPort } = report.allowed;
    expect([opened, openedByPort, otherName, otherPort]).toEqual([
      "page",
      "page",
      "blocked_address",
      "blocked_address",
    ]);
  });
});
