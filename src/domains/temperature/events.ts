import { z } from "zod";
import { defineEvent } from "../../engine/event.ts";

const optionalNumber = z.number().nullish();

/** A sensor measured: degrees Celsius, relative humidity and battery in percent. */
export const readingRecorded = defineEvent({
  type: "temp.reading_recorded",
  subject: "sensor",
  version: 1,
  payload: z.looseObject({ celsius: z.number(), humidity: optionalNumber, battery: optionalNumber }),
});
