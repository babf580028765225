import { z } from "zod";
import { defineEvent } from "./event.ts";

/**
 * State that another program left behind, as a fact: how the rows of a subject stood when its database was adopted. No
 * route names this type, so no work comes of it. `rows` has, by table, the columns to set; null means that there is no
 * row, and a table left out is as the earlier events give it. `settled`: what earlier events of the subject tell is in
 * these rows, and the work they ask for is done or dealt with; stages pass over them. `gone`: all that is left of the
 * subject is said here, so a fold need not apply its earlier events at all.
 */
export const stateAdopted = defineEvent({
  type: "state.adopted",
  subject: "subject",
  version: 1,
  payload: z.looseObject({
    settled: z.boolean(),
    gone: z.boolean().optional(),
    rows: z.record(z.string(), z.record(z.string(), z.unknown()).nullable()),
  }),
});
