import type { Browser } from "playwright-core";
import { messageOf } from "../../src/engine/errors.ts";
import { skippedFor } from "./required.ts";

/** Chromium from its npm package; null where it cannot run, and then it says why, unless nothing may be skipped. */
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
    skippedFor(`Chromium: ${messageOf(error)}`);
    console.warn(`skipped, Chromium does not run here: ${messageOf(error)}`);
    return null;
  }
}
