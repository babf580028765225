import { withoutLogins } from "../engine/logins.ts";

/** Takes secrets out of a value; `key` is the name of the field it stands in. */
export type Redact = (value: unknown, key?: string) => unknown;

const SECRET_NAME = /passw|secret|token|authorization|api_?key|cookie/i;
const BEARER = /\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}/gi;
const HIDDEN = "[redacted]";

/** Takes known secrets, credentials in URLs, bearer tokens and fields named like secrets out of a value. */
export function redactor(secrets: readonly string[]): Redact {
  const known = secrets.filter((secret) => secret.length >= 4);
  const clean = (text: string) => {
    let result = withoutLogins(text, `${HIDDEN}@`).replace(BEARER, `$1 ${HIDDEN}`);
    for (const secret of known) result = result.replaceAll(secret, HIDDEN);
    return result;
  };
  const redact: Redact = (value, key) => {
    if (key !== undefined && SECRET_NAME.test(key)) return HIDDEN;
    if (typeof value === "string") return clean(value);
    if (value instanceof Error) return clean(value.message);
    if (Array.isArray(value)) return value.map((item) => redact(item));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, redact(item, name)]));
    }
    return value;
  };
  return redact;
}
