import { connect, createServer } from "node:net";
import { StackError } from "./errors.ts";

const LOOPBACK = "127.0.0.1";

/** The port to listen on: the wanted one, or else the one of last time if still free, so that addresses stay the same. */
export async function choosePort(wanted: number | undefined, variable: string, last?: number): Promise<number> {
  if (wanted !== undefined) {
    if ((await bindable(wanted)) === undefined)
      throw new StackError(`Port ${wanted} (${variable}) is taken: stop what uses it or choose another.`);
    return wanted;
  }
  const port = (last && (await bindable(last))) || (await bindable(0));
  if (port === undefined) throw new StackError(`No free port was found on ${LOOPBACK}.`);
  return port;
}

/** The port if it can be listened on just now (0: any that can). */
function bindable(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}

/** Whether something listens there: the cheap question before a client is made. */
export function listening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK);
    const answer = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
  });
}
