import { readSecretFiles } from "./secret-files.ts";

/** Variables whose whole value is a secret: ours, and those that libraries read by themselves. */
const SECRET = /(PASSWORD|PASSWD|SECRET|SECRET_ACCESS_KEY|TOKEN|API_KEY)$/;
/** `name=value` pairs that are sent as headers. */
const HEADERS = /_HEADERS$/;

/**
 * Every secret that this environment holds, in each form in which it may come up again in a message: passwords and keys,
 * also those by file, and the passwords in addresses (of the database, of a proxy), encoded and decoded.
 */
export function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  const found = Object.entries(readSecretFiles(env).env).flatMap(([name, value]) => {
    if (!value) return [];
    if (SECRET.test(name)) return [value];
    return HEADERS.test(name) ? headerValues(value) : passwordsIn(value);
  });
  return [...new Set(found)];
}

function headerValues(list: string): string[] {
  return list.split(",").map((pair) => pair.slice(pair.indexOf("=") + 1).trim());
}

/** A password that is only the name once more (`postgres:postgres`) is no secret, and hiding it would hide words. */
function passwordsIn(value: string): string[] {
  if (!URL.canParse(value)) return [];
  const { username, password, pathname } = new URL(value);
  if (password === "" || password === username || `/${password}` === pathname) return [];
  return [password, decoded(password)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
