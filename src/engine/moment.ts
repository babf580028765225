const UNITS: Record<string, number> = { s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
/** The farthest from 1970 that a date may be, in milliseconds. */
const FARTHEST = 8.64e15;

/** `90min`, `2h`, `7d` before now, or a time, as ISO 8601; null where it is neither. */
export function momentOf(text: string, now: Date): string | null {
  const [, amount, unit = ""] = /^(\d+)\s*(s|m|min|h|d)$/.exec(text.trim()) ?? [];
  const at = amount ? now.getTime() - Number(amount) * (UNITS[unit] ?? 0) : Date.parse(text);
  return Number.isNaN(at) || Math.abs(at) > FARTHEST ? null : new Date(at).toISOString();
}

/** How times are given, for those who gave none. */
export const MOMENT_FORMS = "90min, 2h, 7d or 2026-01-31T12:00Z";
