// What is sent again, and what is not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createKeyClient, data, Refused, Unreachable } from "attest-client";
import { json, LOST, problem, Server } from "./server.js";

const NOW = { "Retry-After": "0" };
const TASK = { title: "Count the stock" };
const params = { path: { id: "01890000-0000-7000-8000-000000000000" } };

function clientOf(server: Server, options: { attempts?: number; longestWait?: number } = {}) {
  return createKeyClient("http://attest.test", "ak_1", { fetch: server.fetch, ...options });
}

test("a read is repeated while the server is away", async () => {
  const server = new Server(problem(503, "database-unavailable", NOW), LOST, json({ items: [], next_cursor: null }));

  const page = data(await clientOf(server).GET("/api/v1/tasks"));

  assert.deepEqual(page.items, []);
  assert.deepEqual(server.sent("Authorization"), ["Bearer ak_1", "Bearer ak_1", "Bearer ak_1"]);
});

test("a POST whose answer was lost is repeated with its key and body", async () => {
  const server = new Server(LOST, problem(409, "idempotency-key-in-use", NOW), json({ id: "1" }, 201));

  await clientOf(server).POST("/api/v1/tasks", { body: TASK });

  const [key] = server.sent("Idempotency-Key");
  assert.match(key ?? "", /^[0-9a-f]{32}$/);
  assert.deepEqual(server.sent("Idempotency-Key"), [key, key, key]);
  assert.deepEqual(await server.requests[2]?.json(), TASK);
});

test("a key of the caller is kept, and two calls have two keys", async () => {
  const server = new Server(json({ id: "1" }, 201));
  const api = clientOf(server);

  await api.POST("/api/v1/tasks", { body: TASK, params: { header: { "Idempotency-Key": "mine" } } });
  await api.POST("/api/v1/tasks", { body: TASK });
  await api.POST("/api/v1/tasks", { body: TASK });

  const [first, second, third] = server.sent("Idempotency-Key");
  assert.equal(first, "mine");
  assert.notEqual(second, third);
});

test("a change whose answer was lost is not repeated", async () => {
  for (const reply of [LOST, problem(503, "database-unavailable", NOW)]) {
    const server = new Server(reply);
    const call = clientOf(server).PATCH("/api/v1/tasks/{id}", { params, body: { priority: "high" } });

    if (reply === LOST) await assert.rejects(call, (error) => error instanceof Unreachable && error.cause === LOST);
    else assert.equal((await call).error?.code, "database-unavailable");
    assert.equal(server.requests.length, 1);
  }
});

test("a delete with If-Match is not repeated, because the first may have been done", async () => {
  const server = new Server(LOST);
  const header = { "If-Match": '"1"' };

  await assert.rejects(clientOf(server).DELETE("/api/v1/tasks/{id}", { params: { ...params, header } }), Unreachable);
  await assert.rejects(clientOf(server, { attempts: 2 }).DELETE("/api/v1/tasks/{id}", { params }), Unreachable);

  assert.equal(server.requests.length, 3);
});

test("everything is repeated that a limit refused, unless the wait is long", async () => {
  const server = new Server(
    problem(429, "too-many-requests", NOW),
    problem(429, "too-many-requests", { "Retry-After": "60" }),
  );

  const { error } = await clientOf(server).PATCH("/api/v1/tasks/{id}", { params, body: {} });

  assert.equal(error?.code, "too-many-requests");
  assert.equal(server.requests.length, 2);
});

test("a conflict or a failure of the server is the caller's", async () => {
  for (const [status, code] of [
    [409, "already-exists"],
    [500, "internal-error"],
  ] as const) {
    const server = new Server(
      problem(status, code, {}, { errors: [{ pointer: "/body/title", detail: "Taken.", code }] }),
    );
    const call = clientOf(server).POST("/api/v1/tasks", { body: TASK });

    await assert.rejects(
      call.then(data),
      (error) => error instanceof Refused && error.code === code && error.at("/body/title")?.detail === "Taken.",
    );
    assert.equal(server.requests.length, 1);
  }
});

test("it gives up after the last attempt, with the last answer", async () => {
  const server = new Server(problem(503, "unavailable", NOW));

  const { error } = await clientOf(server, { attempts: 3 }).GET("/api/v1/tasks");

  assert.equal(error?.code, "unavailable");
  assert.equal(server.requests.length, 3);
});

test("an abort ends the wait and the call", async () => {
  const server = new Server(problem(503, "unavailable", { "Retry-After": "15" }));
  const stop = new AbortController();
  const call = clientOf(server).GET("/api/v1/tasks", { signal: stop.signal });
  setTimeout(() => stop.abort(), 20);

  await assert.rejects(call, { name: "AbortError" });
  assert.equal(server.requests.length, 1);
});

test("an answer of something in between is a problem too", async () => {
  const page = new Response("<h1>Bad gateway</h1>", { status: 502, headers: { "Content-Type": "text/html" } });
  const server = new Server(page);

  const call = clientOf(server, { attempts: 1 }).GET("/api/v1/tasks");

  await assert.rejects(call.then(data), (error) => error instanceof Refused && error.code === "foreign-answer");
});
