/** A DNS server of our own, which says of a name whatever a test wants, over UDP as resolvers ask. */
import { createSocket } from "node:dgram";
import ipaddr from "ipaddr.js";

/** The addresses of a name; `times` says how often it was asked for before. Undefined: there is no such name. */
export type Answers = (name: string, times: number) => readonly string[] | undefined;

const [A, AAAA] = [1, 28];
const HEADER_BYTES = 12;

/** Serves on a port of 127.0.0.1 until the process ends. Names are asked for in lower case, without the root dot. */
export async function startNameServer(port: number, answers: Answers): Promise<void> {
  const asked = new Map<string, number>();
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const { name, type, end } = questionIn(query);
    const key = `${type} ${name}`;
    const times = asked.get(key) ?? 0;
    asked.set(key, times + 1);
    socket.send(response(query.subarray(0, end), type, answers(name, times)), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(port, "127.0.0.1", resolve));
}

function questionIn(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function response(question: Buffer, type: number, addresses: readonly string[] | undefined): Buffer {
  const wanted = (addresses ?? []).map((address) => ipaddr.parse(address).toByteArray());
  const records = wanted.filter(({ length }) => length === (type === A ? 4 : type === AAAA ? 16 : 0));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(question.readUInt16BE(0), 0);
  header.writeUInt16BE(addresses ? 0x8180 : 0x8183, 2); // An answer; the second says that there is no such name.
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, question.subarray(HEADER_BYTES), ...records.map((bytes) => record(type, bytes))]);
}

/** About the name in the question, to be kept for no time at all. */
function record(type: number, bytes: readonly number[]): Buffer {
  return Buffer.from([0xc0, HEADER_BYTES, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length, ...bytes]);
}
