/** `sensor:` and the name in lower case, each run of white space one `_`; nothing is trimmed, as stored ids have it. */
export function sensorSubjectId(name: string): string {
  return `sensor:${name.toLowerCase().replace(/\s+/g, "_")}`;
}
