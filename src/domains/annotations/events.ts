import { z } from "zod";
import { defineEvent } from "../../engine/event.ts";

/** A passage of a link was marked, or something was noted about it. */
export const annotationAdded = defineEvent({
  type: "annotation.added",
  subject: "annotation",
  version: 1,
  payload: z.looseObject({
    annotation_id: z.guid(),
    link_subject_id: z.string().min(1),
    quote: z.string().nullish(),
    note: z.string().nullish(),
    selector: z.record(z.string(), z.unknown()).nullish(),
    visibility: z.enum(["private", "public"]).nullish(),
  }),
});
