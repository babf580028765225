import { RetryableError, TerminalError } from "../../engine/errors.ts";

const CERTIFICATE =
  /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH|CRL_|ERROR_IN_CERT)/;
const HANDSHAKE = /^(EPROTO|ERR_SSL|ERR_TLS)/;

/** What a socket or the HTTP parser reported, as an error with a class and a sentence a person understands. */
export function networkFailure(error: unknown, hostname: string): Error {
  if (error instanceof RetryableError || error instanceof TerminalError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const options = { cause: error };
  // Trying again a minute later meets the same certificate; a person has to look.
  if (CERTIFICATE.test(code)) {
    return new TerminalError(`the certificate of ${hostname} is not valid (${code})`, "tls", options);
  }
  if (HANDSHAKE.test(code)) return new RetryableError(`no secure connection to ${hostname} came about`, "tls", options);
  return new RetryableError(connectSentence(code, hostname), "connect", options);
}

function connectSentence(code: string, hostname: string): string {
  if (code === "ECONNREFUSED") return `${hostname} refused the connection`;
  if (code === "ENETUNREACH" || code === "EHOSTUNREACH") return `${hostname} cannot be reached from here`;
  if (code === "ETIMEDOUT") return `${hostname} did not answer in time`;
  if (code.startsWith("HPE_")) return `${hostname} did not answer in valid HTTP`;
  return `${hostname} broke off the connection`;
}
