import { expect, test } from "bun:test";
import { Socket } from "node:net";
import { lateClose } from "./late-close.ts";

const ADDRESS = "127.0.0.1:5432";

test("given a connection that is lost, when told, then it is an error first and closed afterwards", async () => {
  const socket = lateClose(new Socket(), ADDRESS);
  const heard: string[] = [];
  socket.on("error", ({ message }) => heard.push(message));
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.emit("close", false);
  await closed;
  expect(new Set(heard)).toEqual(new Set([`${ADDRESS} took the connection and hung up`]));
});

test("given a driver that is through with the socket, when the connection is lost, then no error ends the process", async () => {
  const unheard: unknown[] = [];
  const note = (reason: unknown) => void unheard.push(reason);
  process.on("unhandledRejection", note);
  try {
    const socket = lateClose(new Socket(), ADDRESS);
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.emit("close", false);
    expect(socket.emit("error", new Error("read ECONNRESET"))).toBe(false);
    await closed;
    expect(unheard).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
  }
});
