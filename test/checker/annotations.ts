import type { Fact } from "./ledger.ts";
import type { ExpectedTable, Row } from "./table.ts";

/** Annotations; those on a link that nothing is known of wait for it. */
export class Annotations {
  readonly #told: Fact[] = [];
  readonly #links = new Set<string>();

  apply(fact: Fact): void {
    if (fact.type === "link.added") this.#links.add(fact.subjectId);
    if (fact.type === "annotation.added") this.#told.push(fact);
  }

  tables(): ExpectedTable[] {
    const rows = new Map<string, Row>();
    const subjects = new Map<string, Row>();
    for (const { subjectId, payload, at } of this.#told.filter((fact) => this.#isOnLink(fact))) {
      const id = String(payload.annotation_id);
      rows.set(id, {
        annotation_id: id,
        subject_id: subjectId,
        link_subject_id: payload.link_subject_id,
        created_at: rows.get(id)?.created_at ?? at,
        updated_at: at,
        quote: payload.quote ?? null,
        note: payload.note ?? null,
        selector: payload.selector ?? {},
        visibility: payload.visibility ?? "private",
      });
      const created_at = subjects.get(subjectId)?.created_at ?? at;
      subjects.set(subjectId, { subject: "annotation", subject_id: subjectId, created_at });
    }
    return [
      { name: "annotations", key: ["annotation_id"], rows: [...rows.values()] },
      {
        name: "subjects",
        key: ["subject", "subject_id"],
        rows: [...subjects.values()],
        where: "subject = 'annotation'",
      },
    ];
  }

  parked(): Row[] {
    const early = this.#told.filter((fact) => !this.#isOnLink(fact));
    return early.map(({ id }) => ({ projection: "annotations", event_id: id }));
  }

  #isOnLink({ payload }: Fact): boolean {
    return this.#links.has(String(payload.link_subject_id));
  }
}
