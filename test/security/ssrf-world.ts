/** What ssrf.test.ts and the program it starts have in common. */

/** Addresses of the public internet, which the test's own network has on this machine. */
export const PUBLIC = ["93.184.216.34", "2606:4700::1111"] as const;

/** Names that the machine itself knows, as in a company or in a cloud. */
export const NAMES_IN_HOSTS: readonly string[] = ["localhost", "ip6-localhost", "printer", "metadata.google.internal"];

/** What came of each attack: `page`, or the class of the error. */
export interface Report {
  readonly refused: Readonly<Record<string, string>>;
  /** Several visits of names whose answers change each time. */
  readonly rebound: readonly string[];
  /** Pages that are to be read. */
  readonly read: Readonly<Record<string, string>>;
  /** Connections so far, by the address they went to. */
  readonly reached: Readonly<Record<string, number>>;
  /** What a client may do for which one name and one port inside were opened. */
  readonly allowed: Readonly<Record<"opened" | "openedByPort" | "otherName" | "otherPort", string>>;
}
