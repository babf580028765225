/** The configuration of one broker: a listener for each way to connect, and one for each way that must fail. */
import { networkInterfaces } from "node:os";
import type { Certificate } from "./certificates.ts";

/**
 * plaintext: nobody is asked, everybody is super user (the test itself, and the brokers among each other) · tls · mtls:
 * client certificates asked for · named: TLS,
 * advertised as localhost and not by address · lost: plaintext, advertised where nothing listens · sasl_tls, sasl: SCRAM and PLAIN, with and without TLS · far: as
 * sasl, advertised at this machine's address in its network (`ownAddress`), where nothing listens unless a test does · iam: tokens as Amazon MSK's,
 * over TLS · reauth: SCRAM-SHA-512 and tokens, each to be renewed after REAUTH_MS · expired, misnamed: TLS with a
 * certificate that is over or made out to another name.
 */
export const LISTENERS = {
  plaintext: "PLAINTEXT",
  tls: "SSL",
  mtls: "SSL",
  named: "SSL",
  lost: "PLAINTEXT",
  sasl_tls: "SASL_SSL",
  sasl: "SASL_PLAINTEXT",
  far: "SASL_PLAINTEXT",
  iam: "SASL_SSL",
  reauth: "SASL_SSL",
  expired: "SSL",
  misnamed: "SSL",
} as const;

export type Listener = keyof typeof LISTENERS;
export type Ports = Readonly<Record<Listener | "controller", number>>;

/** `owner` may do everything; `stranger` can log in and may do nothing; the others have the rights a test gives them. */
export const USERS = [
  "owner",
  "stranger",
  "relay",
  "router",
  "materializer",
  "fetcher",
  "enricher",
  "publisher",
  "admin",
  "reader",
] as const;

export type User = (typeof USERS)[number];

/** How long a login of the `reauth` listener lasts. */
export const REAUTH_MS = 3_000;

export interface BrokerSettings {
  readonly id: number;
  readonly brokers: number;
  readonly data: string;
  readonly ports: Ports;
  readonly controllerPort: number;
  readonly caFile: string;
  readonly server: Certificate;
  readonly expired: Certificate;
  readonly misnamed: Certificate;
  readonly passwords: Readonly<Record<User, string>>;
  readonly aws: { readonly accessKey: string; readonly secretKey: string };
  /** Whether there is an IamTokenValidator on the class path. */
  readonly iam: boolean;
}

export function properties(broker: BrokerSettings): string {
  const all = { ...roles(broker), ...addresses(broker), ...logins(broker), ...rights, ...storage(broker) };
  const lines = Object.entries(all).map(([name, value]) => `${name}=${String(value).replaceAll("\\", "\\\\")}\n`);
  return lines.join("");
}

function listenersOf({ iam }: BrokerSettings): [Listener, string][] {
  return (Object.entries(LISTENERS) as [Listener, string][]).filter(([name]) => iam || name !== "iam");
}

function roles({ id, controllerPort }: BrokerSettings) {
  return {
    "process.roles": id === 1 ? "broker,controller" : "broker",
    "node.id": id,
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
  };
}

function addresses(broker: BrokerSettings) {
  const own = listenersOf(broker).map(([name]) => `${name.toUpperCase()}://127.0.0.1:${broker.ports[name]}`);
  const advertised = own.map((listener) => advertise(listener));
  const controller = broker.id === 1 ? [`CONTROLLER://127.0.0.1:${broker.controllerPort}`] : [];
  const protocols = listenersOf(broker).map(([name, protocol]) => `${name.toUpperCase()}:${protocol}`);
  return {
    listeners: [...own, ...controller].join(","),
    "advertised.listeners": advertised.join(","),
    "listener.security.protocol.map": [...protocols, "CONTROLLER:PLAINTEXT"].join(","),
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": broker.server.storeFile,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": broker.caFile,
    "listener.name.mtls.ssl.client.auth": "required",
    "listener.name.mtls.ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/",
    "listener.name.expired.ssl.keystore.type": "PEM",
    "listener.name.expired.ssl.keystore.location": broker.expired.storeFile,
    "listener.name.misnamed.ssl.keystore.type": "PEM",
    "listener.name.misnamed.ssl.keystore.location": broker.misnamed.storeFile,
  };
}

function advertise(listener: string): string {
  return listener
    .replace("NAMED://127.0.0.1", "NAMED://localhost")
    .replace("FAR://127.0.0.1", `FAR://${ownAddress() ?? "127.0.0.1"}`)
    .replace(/^(LOST:\/\/127\.0\.0\.1):\d+$/, "$1:1");
}

/** This machine as others reach it; null: it is in no network. */
export function ownAddress(): string | null {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? null;
}

const SECURITY = "org.apache.kafka.common.security";

function logins({ passwords, aws, iam }: BrokerSettings) {
  const known = USERS.map((user) => ` user_${user}="${passwords[user]}"`).join("");
  const scram = `${SECURITY}.scram.ScramLoginModule required;`;
  const plain = `${SECURITY}.plain.PlainLoginModule required${known};`;
  const keys = `accessKey="${aws.accessKey}" secretKey="${aws.secretKey}"`;
  // The login handler is for the broker as a client, which it never is here; its default refuses options it does not know.
  const bearer = {
    "sasl.jaas.config": `${SECURITY}.oauthbearer.OAuthBearerLoginModule required ${keys};`,
    "sasl.server.callback.handler.class": "IamTokenValidator",
    "sasl.login.callback.handler.class": "IamTokenValidator",
  };
  const mechanisms = (listener: string, configs: Record<string, Record<string, unknown>>) => ({
    [`listener.name.${listener}.sasl.enabled.mechanisms`]: Object.keys(configs).join(","),
    ...Object.fromEntries(
      Object.entries(configs).flatMap(([mechanism, config]) =>
        Object.entries(config).map(([name, value]) => [
          `listener.name.${listener}.${mechanism.toLowerCase()}.${name}`,
          value,
        ]),
      ),
    ),
  });
  const passwordLogins = {
    "SCRAM-SHA-256": { "sasl.jaas.config": scram },
    "SCRAM-SHA-512": { "sasl.jaas.config": scram },
    PLAIN: { "sasl.jaas.config": plain },
  };
  const renewed = { "connections.max.reauth.ms": REAUTH_MS };
  return {
    ...mechanisms("sasl_tls", passwordLogins),
    ...mechanisms("sasl", passwordLogins),
    ...mechanisms("far", passwordLogins),
    ...(iam ? mechanisms("iam", { OAUTHBEARER: bearer }) : {}),
    ...mechanisms("reauth", {
      "SCRAM-SHA-512": { "sasl.jaas.config": scram, ...renewed },
      ...(iam ? { OAUTHBEARER: { ...bearer, ...renewed } } : {}),
    }),
  };
}

const rights = {
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "allow.everyone.if.no.acl.found": false,
  // ANONYMOUS: whoever comes without a login, which only listeners without one let in.
  "super.users": "User:ANONYMOUS;User:owner;User:AKIDSTREAMAGENTSTEST",
};

function storage({ data, brokers }: BrokerSettings) {
  const copies = Math.min(brokers, 3);
  return {
    "log.dirs": data,
    "auto.create.topics.enable": false,
    "default.replication.factor": copies,
    "group.initial.rebalance.delay.ms": 0,
    // A killed broker comes back only once the controller has missed it.
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
    "offsets.topic.replication.factor": copies,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": copies,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.replication.factor": copies,
    "share.coordinator.state.topic.num.partitions": 1,
    "share.coordinator.state.topic.min.isr": 1,
  };
}
