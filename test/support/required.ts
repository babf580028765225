/**
 * Whether to skip what needs something that is `missing` here, and null for nothing. With TEST_REQUIRE_ALL=1 nothing is
 * skipped in silence: it fails, as in CI, where all that tests need is installed.
 */
export function skippedFor(missing: string | null): boolean {
  if (missing !== null && process.env.TEST_REQUIRE_ALL === "1") {
    throw new Error(`TEST_REQUIRE_ALL=1, and this cannot be tried here: ${missing}`);
  }
  return missing !== null;
}
