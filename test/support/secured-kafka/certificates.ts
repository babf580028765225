import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A certificate to be signed: whom it is for, under which names, for how long. */
interface Request {
  readonly commonName: string;
  /** In OpenSSL's form; none: a client's. */
  readonly names?: string;
  /** 0: over as soon as it is made. */
  readonly days?: number;
}

/** A certificate authority made for one test run, in a folder that goes with it. */
export interface TestAuthority {
  readonly caFile: string;
  /** Signs a certificate; returns its file, its key's, and one with both, as Kafka's PEM key store wants it. */
  issue(name: string, request: Request): Certificate;
}

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly storeFile: string;
}

const DAYS = 2;
const NEW_KEY = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Whether this machine can make certificates. */
export function hasOpenssl(): boolean {
  try {
    openssl(["version"]);
    return true;
  } catch {
    return false;
  }
}

export function createAuthority(folder: string, commonName = "stream-agents test CA"): TestAuthority {
  const at = (file: string) => join(folder, file);
  const caFile = at("ca.pem");
  openssl([
    ...NEW_KEY,
    "-x509",
    "-days",
    `${DAYS}`,
    "-subj",
    `/CN=${commonName}`,
    "-keyout",
    at("ca.key"),
    "-out",
    caFile,
  ]);
  return {
    caFile,
    issue(name, { commonName, names, days = DAYS }) {
      const [certFile, keyFile, storeFile] = [at(`${name}.crt`), at(`${name}.key`), at(`${name}.pem`)];
      openssl([...NEW_KEY, "-subj", `/CN=${commonName}`, "-keyout", keyFile, "-out", at(`${name}.csr`)]);
      writeFileSync(at(`${name}.ext`), names ? `subjectAltName=${names}\n` : "keyUsage=digitalSignature\n");
      const signed = ["-CA", caFile, "-CAkey", at("ca.key"), "-CAcreateserial", "-extfile", at(`${name}.ext`)];
      openssl(["x509", "-req", "-in", at(`${name}.csr`), ...signed, "-days", `${days}`, "-out", certFile]);
      const both = [keyFile, certFile, caFile].map((file) => readFileSync(file, "utf8"));
      writeFileSync(storeFile, both.join(""), { mode: 0o600 });
      return { certFile, keyFile, storeFile };
    },
  };
}

function openssl(args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}
