import type { Browser } from "playwright-core";

/** Chromium from its npm package; null where it cannot run, and then it says why. */
export async function openBrowser(): Promise<Browser | null> {
  try {
    if (process.platform !== "linux" || process.arch !== "x64")
      throw new Error(`its package is not for ${process.platform} on ${process.arch}`);
    const [{ chromium: playwright }, { default: chromium }] = await Promise.all([
      import("playwright-core"),
      import("@sparticuz/chromium"),
    ]);
    const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
    return await playwright.launch({ executablePath: await chromium.executablePath(), args, headless: true });
  } catch (error) {
    console.warn(`skipped, Chromium does not run here: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}
