import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { UserError } from "../../engine/errors.ts";
import { SCOPES, type Scope, type TokenInfo, type TokenVerifier } from "../../engine/web/types.ts";
import { classify, type Database } from "./connect.ts";

/** A token as `token list` shows it; what was handed out is nowhere. */
export interface StoredToken extends TokenInfo {
  readonly createdAt: string;
  readonly lastUsedAt: string | null;
}

export interface Tokens extends TokenVerifier {
  /** Returns the token: this once, as only its hash is kept. */
  create(name: string, scopes: readonly string[]): Promise<string>;
  list(): Promise<StoredToken[]>;
  revoke(name: string): Promise<void>;
}

const PREFIX = "sa_";
const FORM = /^sa_[A-Za-z0-9_-]{43}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Tokens for capture over HTTP, kept as SHA-256: with 32 random bytes inside, a slow hash would add nothing. */
export function createTokens(db: Database): Tokens {
  return {
    async create(name, scopes) {
      checkToken(name, scopes);
      const token = PREFIX + randomBytes(32).toString("base64url");
      const added = await orClassified(db`
        insert into lifestream.api_tokens (name, token_hash, scopes) values (${name}, ${hashOf(token)}, ${scopes as string[]})
        on conflict (name) do nothing returning 1`);
      if (added.length === 0)
        throw new UserError(`a token named "${name}" exists: revoke it first, or take another name`);
      return token;
    },
    async list() {
      return orClassified(db<StoredToken[]>`
        select name, scopes, created_at as "createdAt", last_used_at as "lastUsedAt"
        from lifestream.api_tokens order by created_at`);
    },
    async revoke(name) {
      const gone = await orClassified(db`delete from lifestream.api_tokens where name = ${name} returning 1`);
      if (gone.length === 0) throw new UserError(`there is no token named "${name}"`);
    },
    async verify(token) {
      if (!FORM.test(token)) return null;
      const hash = hashOf(token);
      const [row] = await orClassified(db<{ name: string; scopes: Scope[]; token_hash: Buffer }[]>`
        select name, scopes, token_hash from lifestream.api_tokens where token_hash = ${hash}`);
      if (!row || !timingSafeEqual(row.token_hash, hash)) return null;
      await noteUse(db, row.name);
      return { name: row.name, scopes: row.scopes };
    },
  };
}

/** At most once a minute, so that a busy client does not write a row per request. */
async function noteUse(db: Database, name: string): Promise<void> {
  await orClassified(db`
    update lifestream.api_tokens set last_used_at = now()
    where name = ${name} and (last_used_at is null or last_used_at < now() - interval '1 minute')`);
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function checkToken(name: string, scopes: readonly string[]): void {
  if (!NAME.test(name)) {
    throw new UserError(`"${name}" cannot name a token: up to 64 letters, digits, dots, dashes and underscores`, 2);
  }
  const unknown = scopes.find((scope) => !(SCOPES as readonly string[]).includes(scope));
  if (unknown !== undefined || scopes.length === 0) {
    throw new UserError(`"${unknown ?? ""}" is no scope: ${SCOPES.join(", ")}`, 2);
  }
}

async function orClassified<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw classify(error);
  }
}
