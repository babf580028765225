import { z } from "zod";
import { defineEvent } from "../../engine/event.ts";

/** Something to do was written down. `due_at` is an ISO 8601 time. */
export const todoCreated = defineEvent({
  type: "todo.created",
  subject: "todo",
  version: 1,
  payload: z.looseObject({
    title: z.string().min(1),
    project: z.string().nullish(),
    labels: z.array(z.string()).nullish(),
    due_at: z
      .string()
      .refine((text) => !Number.isNaN(Date.parse(text)), "must be an ISO 8601 time")
      .nullish(),
  }),
});

/** It was done; `occurred_at` says when. */
export const todoCompleted = defineEvent({
  type: "todo.completed",
  subject: "todo",
  version: 1,
  payload: z.looseObject({}),
});
