import type { Context } from "hono";
import type { Scope, TokenInfo, TokenVerifier } from "../engine/web/types.ts";
import { Problem } from "./problems.ts";

/** Who sends this request, if their token may do it; a Problem otherwise. */
export async function authorize(c: Context, tokens: TokenVerifier, scope: Scope): Promise<TokenInfo> {
  const token = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (!token) {
    throw new Problem(
      401,
      'A token is needed: "npm run token -- create NAME" makes one; send it as "Authorization: Bearer …".',
      {
        headers: { "WWW-Authenticate": 'Bearer realm="stream-agents"' },
      },
    );
  }
  const info = await tokens.verify(token);
  if (!info) {
    throw new Problem(401, "This token is not known, or was revoked.", {
      headers: { "WWW-Authenticate": 'Bearer realm="stream-agents", error="invalid_token"' },
    });
  }
  if (!info.scopes.includes(scope) && !info.scopes.includes("admin")) {
    throw new Problem(403, `This token may ${info.scopes.join(", ")}; this needs ${scope}.`, {
      headers: { "WWW-Authenticate": `Bearer realm="stream-agents", error="insufficient_scope", scope="${scope}"` },
    });
  }
  return info;
}
