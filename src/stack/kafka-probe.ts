import { listening } from "./ports.ts";

/** Whether the broker answers a metadata request: its port opens some time before it can be used. */
export async function answersMetadata(port: number): Promise<boolean> {
  if (!(await listening(port))) return false;
  // Only now: commands that start nothing would wait half a second for the client to load.
  const { Admin } = await import("@platformatic/kafka");
  const admin = new Admin({
    clientId: "stream-stack",
    bootstrapBrokers: [`127.0.0.1:${port}`],
    retries: 0,
    timeout: 5000,
    connectTimeout: 2000,
    requestTimeout: 5000,
  });
  try {
    const { brokers } = await admin.metadata({ topics: [] });
    return brokers.size > 0;
  } catch {
    return false; // Still starting up.
  } finally {
    await admin.close();
  }
}
