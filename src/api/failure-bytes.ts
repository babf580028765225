import type { Hono } from "hono";
import type { FailureDesk } from "../engine/failures.ts";
import { Problem } from "./problems.ts";

/**
 * The bytes of a failure exactly as they came, as a file. Strangers made them: the browser is to keep them, never to show
 * them.
 */
export function mountFailureBytes(app: Hono, desk: Pick<FailureDesk, "show">, isId: (text: string) => boolean): void {
  for (const part of ["key", "value"] as const) {
    app.get(`/failures/:id/${part}`, async (c) => {
      const id = c.req.param("id") ?? "";
      const bytes = isId(id) ? (await desk.show(id))?.original[part] : null;
      if (!bytes) throw new Problem(404, "There are no such bytes.");
      return c.body(new Uint8Array(bytes), 200, {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": `attachment; filename="${id}.${part}"`,
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
      });
    });
  }
}
