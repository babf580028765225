import type { Capture, Domain } from "../../engine/domain.ts";
import { UserError } from "../../engine/errors.ts";
import { deterministicId } from "../../engine/ids.ts";
import { readingRecorded } from "./events.ts";
import { temperatureProjection } from "./projections.ts";
import { sensorSubjectId } from "./subject.ts";

const captureTemperature: Capture = {
  name: "temp",
  usage: "SENSOR CELSIUS [TIME]",
  summary: "a temperature reading, now or at an ISO 8601 time",
  parse([sensor, celsius, time, ...rest], { now, source }) {
    const degrees = Number(celsius);
    if (!sensor?.trim() || celsius === undefined || !Number.isFinite(degrees) || rest.length > 0) {
      throw new UserError(
        `a reading is SENSOR CELSIUS [TIME], as in "kitchen 21.5", not "${[sensor, celsius, time, ...rest].filter(Boolean).join(" ")}"`,
        2,
      );
    }
    const at = time === undefined ? now : new Date(time);
    if (Number.isNaN(at.getTime())) throw new UserError(`"${time}" is no time: give it as 2026-01-31T07:30:00Z`, 2);
    const subjectId = sensorSubjectId(sensor);
    return {
      id: deterministicId("capture", readingRecorded.type, subjectId, at.toISOString(), degrees),
      type: readingRecorded.type,
      subject: readingRecorded.subject,
      subjectId,
      source,
      occurredAt: at.toISOString(),
      payload: { celsius: degrees },
    };
  },
};

/** How warm it was, and where. */
export const temperature: Domain = {
  name: "temperature",
  events: [readingRecorded],
  projections: [temperatureProjection],
  captures: [captureTemperature],
};
