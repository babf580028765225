import { type DeadEnd, listenWith } from "../support/dead-ends.ts";

const SSL_REQUEST = 80_877_103;

/**
 * Speaks Postgres' protocol as far as the login, asks for the password in the clear, and refuses it by repeating it: what
 * the worst proxy in between might do.
 */
export function echoingPostgres(): Promise<DeadEnd> {
  return listenWith((socket) => {
    let knowsUser = false;
    socket.on("data", (bytes: Buffer) => {
      if (knowsUser) return socket.end(refusal(bytes.toString("utf8", 5, bytes.length - 1)));
      if (bytes.readInt32BE(4) === SSL_REQUEST) return socket.write("N");
      knowsUser = true;
      socket.write(message("R", Buffer.from([0, 0, 0, 3])));
    });
  });
}

function refusal(password: string): Buffer {
  const said = `password authentication failed: "${password}" is wrong, try postgres://me:${password}@elsewhere/`;
  return message("E", Buffer.from(`SFATAL\0VFATAL\0C28P01\0M${said}\0D${password}\0\0`));
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
