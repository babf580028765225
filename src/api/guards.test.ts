import { expect, test } from "bun:test";
import { Hono } from "hono";
import { silentLogger } from "../engine/logger.ts";
import { answeredInTime } from "./guards.ts";
import { problemResponse, toProblem } from "./problems.ts";

function server(): Hono {
  const app = new Hono();
  app.use(answeredInTime(20));
  app.all("/hangs", () => new Promise(() => {}));
  app.all("/answers", (c) => c.text("here"));
  app.onError((error, c) => problemResponse(c, toProblem(error, silentLogger)));
  return app;
}

test("given a request that nobody answers, when its time is over, then the client is told, and when to come again", async () => {
  const response = await server().request("/hangs");
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "10"]);
  expect((await response.json()).detail).toBe("Postgres takes too long to answer.");
});

test("given one that would change something, when its time is over, then it is said that nobody knows", async () => {
  const { detail } = await (await server().request("/hangs", { method: "POST" })).json();
  expect(detail).toEndWith("Whether it was taken is not known: look, or send it again as it is.");
});

test("given one that is answered in time, then that is the answer", async () => {
  expect(await (await server().request("/answers")).text()).toBe("here");
});
