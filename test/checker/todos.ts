import type { Fact } from "./ledger.ts";
import type { ExpectedTable, Row } from "./table.ts";

/** Todos, one event after the other. */
export class Todos {
  readonly #todos = new Map<string, Row>();
  readonly #subjects = new Map<string, Row>();
  readonly #early = new Map<string, Fact[]>();

  apply(fact: Fact): void {
    if (fact.type === "todo.created") this.#create(fact);
    else if (fact.type === "todo.completed") this.#complete(fact);
  }

  #create({ subjectId, payload, at }: Fact): void {
    const { title, project, labels, due_at } = payload;
    this.#todos.set(subjectId, {
      subject_id: subjectId,
      title,
      project: project ?? null,
      labels: labels ?? [],
      due_at: due_at ?? null,
      status: "open",
      completed_at: null,
      updated_at: at,
    });
    const created_at = this.#subjects.get(subjectId)?.created_at ?? at;
    this.#subjects.set(subjectId, { subject: "todo", subject_id: subjectId, created_at, display_name: title });
    const early = this.#early.get(subjectId) ?? [];
    this.#early.delete(subjectId);
    for (const completion of early) this.#complete(completion);
  }

  #complete(fact: Fact): void {
    const todo = this.#todos.get(fact.subjectId);
    if (todo) {
      this.#todos.set(fact.subjectId, { ...todo, status: "done", completed_at: fact.at, updated_at: fact.at });
    } else {
      this.#early.set(fact.subjectId, [...(this.#early.get(fact.subjectId) ?? []), fact]);
    }
  }

  tables(): ExpectedTable[] {
    return [
      { name: "todos", key: ["subject_id"], rows: [...this.#todos.values()] },
      {
        name: "subjects",
        key: ["subject", "subject_id"],
        rows: [...this.#subjects.values()],
        where: "subject = 'todo'",
      },
    ];
  }

  parked(): Row[] {
    return [...this.#early.values()].flat().map(({ id }) => ({ projection: "todos", event_id: id }));
  }
}
