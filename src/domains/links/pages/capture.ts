import { z } from "zod";
import { issues } from "../../../engine/decode.ts";
import { DataError, UserError } from "../../../engine/errors.ts";
import type { NewEvent } from "../../../engine/event.ts";
import type { ApiHost, EndpointRoute } from "../../../engine/web/types.ts";
import type { Visibility } from "../subject.ts";

/** The event that saves a link, as the domain makes it everywhere. */
export type MakeLinkAdded = (link: {
  url: string;
  source: string;
  visibility?: Visibility | undefined;
}) => NewEvent & { payload: { url_norm: string } };

const body = z.strictObject({
  url: z.string(),
  source: z.string().min(1).max(200).optional(),
  visibility: z.enum(["private", "public"]).optional(),
});

/** `POST /api/links`: the first system's form of capture, with its answer. */
export function captureEndpoint(host: ApiHost, linkAdded: MakeLinkAdded): EndpointRoute {
  return {
    method: "POST",
    path: "/api/links",
    scope: "capture",
    async handle(request) {
      const parsed = body.safeParse(request.body);
      if (!parsed.success) throw new DataError(issues(parsed.error.issues), "wrong_shape");
      const { url, source = request.client, visibility } = parsed.data;
      const event = linkEvent(linkAdded, { url: url.trim(), source, visibility });
      const [captured] = await host.ingest([event]);
      return {
        status: captured?.isNew ? 201 : 200,
        body: { success: true, subject_id: event.subjectId, url_norm: event.payload.url_norm },
      };
    },
  };
}

/** The event, or a UserError that says what is wrong with the address. */
export function linkEvent(
  linkAdded: MakeLinkAdded,
  link: { url: string; source: string; visibility?: Visibility | undefined },
): ReturnType<MakeLinkAdded> {
  if (link.url === "") throw new UserError("paste the address of a page: it starts with http:// or https://", 2);
  return linkAdded(link);
}
