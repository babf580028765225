import { z } from "zod";

/** Tags as a list; some models write them as one text. */
const tagList = z.preprocess(
  (value) => (typeof value === "string" ? value.split(/[,;\n]/) : value),
  z.array(z.string()).transform((tags) => tags.slice(0, 20)),
);

/** What an answer must say to be of use. Lenient in form: `cleanTags` and `cleanSummary` decide what is kept. */
export const answerSchema = z.object({
  tags: tagList,
  summary_short: z.string().refine((text) => text.trim() !== "", "is empty"),
  summary_long: z.string().nullish(),
  language: z.string().nullish(),
});

export type Answer = z.infer<typeof answerSchema>;

/**
 * The same as JSON Schema for `response_format`, in the subset that strict mode takes: every key required, no others.
 * The long summary is last, so that an answer cut short still has everything else.
 */
export const answerJsonSchema = {
  type: "object",
  properties: {
    language: { type: "string" },
    tags: { type: "array", items: { type: "string" } },
    summary_short: { type: "string" },
    summary_long: { type: "string" },
  },
  required: ["language", "tags", "summary_short", "summary_long"],
  additionalProperties: false,
} as const;
