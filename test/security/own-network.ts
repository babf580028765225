/** A network of one's own for one program: any address can be on this machine there, and names are ours to answer. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const UNSHARE = ["unshare", "--user", "--map-root-user", "--mount", "--net"];

/** Linux has such networks, but not everybody may make one. */
export const hasOwnNetwork: boolean =
  Bun.which("unshare") !== null && Bun.which("ip") !== null && run([...UNSHARE, "ip", "link", "set", "lo", "up"]) === 0;

export interface OwnNetwork {
  /** Addresses that this machine has there, besides those of loopback; what Linux refuses is left out. */
  readonly addresses: readonly string[];
  /** What stands in the hosts file. */
  readonly hosts: string;
  /** Names without a dot are looked up in this domain too. */
  readonly search: string;
}

/** Runs a script whose resolver asks 127.0.0.1; what it printed. Fails when the script does. */
export async function inOwnNetwork(script: string, { addresses, hosts, search }: OwnNetwork): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "stream-network-"));
  const files = {
    hosts: hosts,
    "resolv.conf": `nameserver 127.0.0.1\nsearch ${search}\n`,
    "nsswitch.conf": "hosts: files dns\n",
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const setUp = [
    "set -e",
    "ip link set lo up",
    ...addresses.map((address) => `ip addr add ${address}/${address.includes(":") ? 128 : 32} dev lo 2>&- || true`),
    ...Object.keys(files).map((name) => `mount --bind ${join(folder, name)} /etc/${name}`),
    'exec "$0" "$@"',
  ].join("\n");
  try {
    const command = [...UNSHARE, "sh", "-c", setUp, process.execPath, "--no-env-file", script];
    const program = Bun.spawn(command, { stdout: "pipe", stderr: "inherit", timeout: 60_000, killSignal: "SIGKILL" });
    const said = await new Response(program.stdout).text();
    if ((await program.exited) !== 0) throw new Error(`${script} failed:\n${said}`);
    return said;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(command: string[]): number {
  return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).exitCode;
}
