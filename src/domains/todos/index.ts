import type { Capture, Domain } from "../../engine/domain.ts";
import { UserError } from "../../engine/errors.ts";
import { deterministicId } from "../../engine/ids.ts";
import { todoCompleted, todoCreated } from "./events.ts";
import { todosProjection } from "./projections.ts";

const captureTodo: Capture = {
  name: "todo",
  usage: "TITLE",
  summary: "something to do",
  parse(words, { source }) {
    const title = words.join(" ").trim();
    if (title === "") throw new UserError('a todo needs a title, as in "buy milk"', 2);
    // The same title is the same todo: who adds it twice means one.
    const id = deterministicId("capture", todoCreated.type, title);
    return {
      id,
      type: todoCreated.type,
      subject: todoCreated.subject,
      subjectId: `${source}:${id.slice(0, 8)}`,
      source,
      payload: { title },
    };
  },
};

/** What is to be done. */
export const todos: Domain = {
  name: "todos",
  events: [todoCreated, todoCompleted],
  projections: [todosProjection],
  captures: [captureTodo],
};
