/** Preloaded into a command: an error that reaches nobody, of the kind in STRAY_ERROR, once the command has begun. */
import { connect, createServer } from "node:net";

const error = new Error("cannot reach postgres://ada:hunter2-canary@db.example/life\nat once");

const KINDS: Readonly<Record<string, () => void>> = {
  rejection: () => void Promise.reject(error),
  timer: () => {
    throw error;
  },
  socket: () => {
    const server = createServer((peer) => peer.destroy());
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = address && typeof address === "object" ? address.port : 0;
      connect(port, "127.0.0.1").on("close", () => {
        throw error;
      });
    });
  },
  "while ending": () => {
    process.on("exit", () => {
      throw error;
    });
    void Promise.reject(error);
  },
  "nobody reads": () => void setInterval(() => process.stdout.write("and so on\n"), 5),
};

// Before the command line listens for such errors they are Bun's.
const timer = setInterval(() => {
  if (process.listenerCount("uncaughtException") === 0) return;
  clearInterval(timer);
  KINDS[process.env.STRAY_ERROR ?? ""]?.();
}, 5);
