import type { Fact } from "./ledger.ts";
import type { ExpectedTable, Row } from "./table.ts";

/** Readings, and the latest of each sensor. */
export class Temperature {
  readonly #readings = new Map<string, Row>();
  readonly #latest = new Map<string, Row>();

  apply({ type, subjectId, at, payload }: Fact): void {
    if (type !== "temp.reading_recorded") return;
    const { celsius, humidity = null, battery = null } = payload;
    const reading = { subject_id: subjectId, occurred_at: at, celsius, humidity, battery };
    this.#readings.set(`${subjectId} ${at}`, reading);
    const latest = this.#latest.get(subjectId);
    if (!latest || Date.parse(String(latest.occurred_at)) <= Date.parse(at)) {
      this.#latest.set(subjectId, { ...reading, updated_at: at });
    }
  }

  tables(): ExpectedTable[] {
    return [
      { name: "temperature_readings", key: ["subject_id", "occurred_at"], rows: [...this.#readings.values()] },
      { name: "temperature_latest", key: ["subject_id"], rows: [...this.#latest.values()] },
    ];
  }

  parked(): Row[] {
    return [];
  }
}
