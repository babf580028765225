import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skippedFor } from "../../../test/support/required.ts";

/** Asks for both names in a process of its own, since trusted certificates are read at its start. */
const SCRIPT = `
  import { createPageClient } from ${JSON.stringify(new URL("./page-client.ts", import.meta.url).href)};
  import { silentLogger } from ${JSON.stringify(new URL("../../engine/logger.ts", import.meta.url).href)};
  const port = process.env.PORT;
  const names = ["good.test", "other.test"];
  const client = createPageClient({
    allowHosts: names.map((name) => name + ":" + port).concat("plain.test"),
    lookup: async () => [{ address: "127.0.0.1", family: 4 }],
    log: silentLogger,
  });
  for (const url of ["https://good.test:" + port + "/", "https://other.test:" + port + "/", "https://good.test:" + port + "/to-http"]) {
    console.log(await client.get(url, { signal: new AbortController().signal })
      .then(({ body }) => Buffer.from(body).toString(), (error) => error.name + " " + error.errorClass));
  }
`;

const openssl = Bun.which("openssl");

describe.skipIf(skippedFor(openssl ? null : "openssl"))("https through a pinned address", () => {
  test("checks the certificate against the name of the URL, and never goes on in http", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stream-agents-tls-"));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=good.test", "-addext", "subjectAltName=DNS:good.test"];
    const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", cert];
    Bun.spawnSync([openssl ?? "", ...request, ...subject], { stderr: "ignore" });
    const options = { key: readFileSync(key), cert: readFileSync(cert) };
    const server = createServer(options, (asked, response) => {
      if (asked.url === "/to-http") response.writeHead(302, { location: "http://plain.test/" }).end();
      else response.writeHead(200, { "content-type": "text/plain" }).end(`hello ${asked.headers.host}`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const port = (server.address() as AddressInfo).port;
    const env = { PORT: String(port), NODE_EXTRA_CA_CERTS: cert };
    const child = Bun.spawn([process.execPath, "-e", SCRIPT], { env, stdout: "pipe" });
    const lines = (await new Response(child.stdout).text()).trim().split("\n");
    server.close();
    rmSync(folder, { recursive: true });
    expect(lines).toEqual([`hello good.test:${port}`, "TerminalError tls", "TerminalError bad_url"]);
  });
});
