// One session for many requests and clients: who renews the tokens, and when it is over.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient, data, MemoryStore, Refused } from "attest-client";
import { json, LOST, problem, Server } from "./server.js";

const URL_OF_API = "http://attest.test/";
const HOUR = 3_600_000;

/** A server with one session, whose tokens are `a1` and `r1`, then `a2` and `r2`, … */
function sessionServer(now = 1) {
  let generation = now;
  const server = new Server(async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/api/v1/auth/token/refresh") {
      const { refresh_token } = (await request.json()) as { refresh_token: string };
      if (refresh_token !== `r${generation}`) return problem(401, "bad-refresh-token");
      generation += 1;
    } else if (pathname !== "/api/v1/auth/token") {
      const isValid = request.headers.get("Authorization") === `Bearer a${generation}`;
      return isValid ? json({ items: [], next_cursor: null }) : problem(401, "unauthenticated");
    }
    return json({
      access_token: `a${generation}`,
      refresh_token: `r${generation}`,
      token_type: "bearer",
      expires_in: 900,
    });
  });
  const refreshes = () => server.requests.filter(({ url }) => url.endsWith("/refresh")).length;
  return { server, refreshes };
}

function storeWith(generation: number, renewAt = Date.now() + HOUR): MemoryStore {
  const store = new MemoryStore();
  store.save({ access: `a${generation}`, refresh: `r${generation}`, renewAt });
  return store;
}

test("it signs in with a form, and sends the token", async () => {
  const { server } = sessionServer();
  const api = createClient(URL_OF_API, { fetch: server.fetch });

  await api.session.signIn({ username: "ann", password: "a&b" });
  data(await api.GET("/api/v1/tasks"));

  assert.equal(await server.requests[0]?.text(), "username=ann&password=a%26b");
  assert.deepEqual(server.sent("Authorization"), [null, "Bearer a1"]);
});

for (const [when, renewAt, now] of [
  ["has expired", 0, 1],
  ["is refused", Date.now() + HOUR, 1],
] as const) {
  test(`forty requests of two clients renew a token once that ${when}`, async () => {
    const { server, refreshes } = sessionServer(now);
    const store = storeWith(1, renewAt);
    if (when === "is refused") store.save({ access: "old", refresh: "r1", renewAt });
    const clients = [1, 2].map(() => createClient(URL_OF_API, { fetch: server.fetch, store }));

    const calls = Array.from({ length: 40 }, (_, number) => clients[number % 2]?.GET("/api/v1/tasks"));

    for (const answer of await Promise.all(calls)) assert.equal(answer?.response.status, 200);
    assert.equal(refreshes(), 1);
    assert.equal(store.load()?.refresh, "r2");
  });
}

test("a body is sent again with the new token", async () => {
  const { server } = sessionServer(2);
  const store = storeWith(2);
  store.save({ access: "old", refresh: "r2", renewAt: Date.now() + HOUR });
  const api = createClient(URL_OF_API, { fetch: server.fetch, store });

  await api.POST("/api/v1/tasks", { body: { title: "Sweep" } });

  assert.deepEqual(await server.requests.at(-1)?.json(), { title: "Sweep" });
});

test("a session that is not renewed is over, once", async () => {
  const { server, refreshes } = sessionServer(7);
  let ended = 0;
  const store = storeWith(1, 0);
  const api = createClient(URL_OF_API, { fetch: server.fetch, store, onSignedOut: () => (ended += 1) });

  const answers = await Promise.all([1, 2, 3].map(() => api.GET("/api/v1/tasks")));

  assert.deepEqual(
    answers.map(({ error }) => error?.code),
    Array(3).fill("unauthenticated"),
  );
  assert.equal(refreshes(), 1);
  assert.equal(ended, 1);
  assert.equal(await api.session.isSignedIn(), false);
});

test("a refresh whose answer was lost is repeated, and keeps the session while the server is away", async () => {
  const away = new Server(
    LOST,
    problem(503, "unavailable", { "Retry-After": "0" }),
    problem(503, "unavailable", { "Retry-After": "90" }),
  );
  const store = storeWith(1, 0);

  const call = createClient(URL_OF_API, { fetch: away.fetch, store, attempts: 1 }).GET("/api/v1/tasks");

  await assert.rejects(call, (error) => error instanceof Refused && error.code === "unavailable");
  assert.equal(away.requests.length, 3);
  assert.equal(store.load()?.refresh, "r1");
});

test("a refusal that is not about the token renews nothing", async () => {
  const server = new Server(problem(401, "insufficient-user-authentication"));
  const api = createClient(URL_OF_API, { fetch: server.fetch, store: storeWith(1) });

  const { error } = await api.GET("/api/v1/tasks");

  assert.equal(error?.code, "insufficient-user-authentication");
  assert.equal(server.requests.length, 1);
});

test("signing out forgets the tokens, also where the session is over already", async () => {
  for (const reply of [new Response(null, { status: 204 }), problem(401, "bad-refresh-token")]) {
    const store = storeWith(1);
    let ended = 0;
    const server = new Server(reply);
    const api = createClient(URL_OF_API, { fetch: server.fetch, store, onSignedOut: () => (ended += 1) });

    await api.session.signOut();

    assert.equal(store.load(), undefined);
    assert.equal(ended, 1);
  }
});
