import { z } from "zod";
import { defineWork } from "../../engine/work.ts";

/** Read the page of a link. `cleaned_by`: the event by which a person wanted it anew. */
export const fetchLink = defineWork({
  type: "fetch_link",
  payload: z.looseObject({ url: z.string(), cleaned_by: z.string().nullish() }),
});

/** Tag and summarize fetched content, referred to by the event that holds it. */
export const enrichLink = defineWork({
  type: "enrich_link",
  payload: z.looseObject({ content_event_id: z.string(), content_hash: z.string() }),
});

/** Bring what the site shows of a link up to date. */
export const publishLink = defineWork({ type: "publish_link", payload: z.looseObject({}) });
