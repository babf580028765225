/** Logins without TLS: only on this machine, whatever addresses a cluster gives its brokers. */
import { type SASLOptions, saslOAuthBearer, saslPlain, saslScramSha } from "@platformatic/kafka";

type Authenticator = NonNullable<SASLOptions["authenticate"]>;

/**
 * The client's own login, at a broker on this machine only. Clients go on at the addresses that a cluster names: behind a
 * tunnel KAFKA_BROKERS is loopback, and the broker that asks for the password is not.
 */
export const onlyOnThisMachine: Authenticator = (
  mechanism,
  connection,
  api,
  name = "",
  password = "",
  token = "",
  done,
) => {
  if (!isThisMachine(connection.socket.remoteAddress)) {
    return done(new ClearLoginError(`${connection.host}:${connection.port}`));
  }
  if (mechanism === "PLAIN") return saslPlain.authenticate(api, connection, name, password, done);
  if (mechanism === "OAUTHBEARER") return saslOAuthBearer.authenticate(api, connection, token, {}, done);
  const algorithm = mechanism === "SCRAM-SHA-256" ? "SHA-256" : "SHA-512";
  saslScramSha.authenticate(api, connection, algorithm, name, password, saslScramSha.defaultCrypto, done);
};

/** A login was not sent, as it would have gone to another machine in the clear. */
export class ClearLoginError extends Error {
  override readonly name = "ClearLoginError";
  /** HOST:PORT of the broker, as the cluster names it. */
  constructor(readonly broker: string) {
    super(`no login in the clear to ${broker}`);
  }
}

/** An IP address, never a name: a name may lead anywhere. */
export function isThisMachine(address: string | undefined): boolean {
  return /^(::ffff:)?127\.|^::1$/.test(address ?? "");
}
