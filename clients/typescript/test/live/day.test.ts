// A day of a front-end developer, against a running server: API_URL, API_USER, API_PASSWORD.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  change,
  connect,
  createClient,
  createKeyClient,
  data,
  ifMatch,
  list,
  MemoryStore,
  Refused,
  remove,
  type Schemas,
  type SessionApi,
  Unreachable,
  upload,
} from "attest-client";

const { API_URL = "http://127.0.0.1:8000", API_USER = "", API_PASSWORD = "" } = process.env;
const CREDENTIALS = { username: API_USER, password: API_PASSWORD };
const PRODUCTS = "/api/v1/products";

let api: SessionApi;
let body: Schemas["ProductCreate"];
let product: Schemas["ProductRead"];

before(async () => {
  api = await connect(API_URL, CREDENTIALS);
  body = { sku: `TS-${crypto.randomUUID()}`, name: "Desk lamp", price: "19.90", currency: "EUR" };
  product = data(await api.POST(PRODUCTS, { body }));
});

test("a wrong password is a problem with a code", async () => {
  const call = connect(API_URL, { ...CREDENTIALS, password: "wrong" });

  await assert.rejects(call, (error) => error instanceof Refused && error.code === "bad-credentials");
});

test("money is a string, and a field that is wrong is named", async () => {
  const price: string = product.price;
  const call = api.POST(PRODUCTS, { body: { ...body, sku: "TS-2", price: "1e3" } });

  assert.equal(price, "19.90");
  await assert.rejects(call.then(data), (error) => error instanceof Refused && error.at("/body/price") !== undefined);
});

test("a product whose answer was lost is created once", async () => {
  let losses = 1;
  const lossy = await connect(API_URL, CREDENTIALS, {
    fetch: async (request) => {
      const answer = await fetch(request);
      if (request.url.endsWith(PRODUCTS) && losses-- > 0) throw new TypeError("fetch failed");
      return answer;
    },
  });

  const created = await lossy.POST(PRODUCTS, { body: { ...body, sku: `${body.sku}-lost` } });

  assert.equal(created.response.headers.get("Idempotency-Replayed"), "true");
  assert.equal(data(created).sku, `${body.sku}-lost`);
});

test("a change of what was read, and of nothing newer", async () => {
  const active = await change(api, `${PRODUCTS}/{id}`, product, { status: "active" });
  const stale = change(api, `${PRODUCTS}/{id}`, product, { name: "Lamp" });

  assert.equal(active.status, "active");
  await assert.rejects(stale, (error) => error instanceof Refused && error.code === "stale-version");
  const path = { id: product.id };
  const revived = await api.PATCH(`${PRODUCTS}/{id}`, {
    params: { path, header: ifMatch(active) },
    body: { name: "Lamp" },
  });
  await remove(api, `${PRODUCTS}/{id}`, data(revived));
  assert.equal((await api.GET(`${PRODUCTS}/{id}`, { params: { path } })).error?.code, "not-found");
});

test("many at once, and a walk over pages", async () => {
  const skus = ["a", "b", "c"].map((name) => `${body.sku}-walk-${name}`);
  const create = skus.map((sku) => ({ ...body, sku }));
  data(await api.POST(`${PRODUCTS}/bulk`, { body: { create, update: [], delete: [] } }));
  const found: string[] = [];

  for await (const { sku } of list(api, PRODUCTS, { q: `${body.sku}-walk`, limit: 2, sort: "sku" })) found.push(sku);

  assert.deepEqual(found, skus);
});

test("a file becomes items", async () => {
  const name = `Brand ${crypto.randomUUID()}`;

  const report = await upload(api, "/api/v1/brands/import", new Blob([`name\n${name}\n`], { type: "text/csv" }));

  assert.equal(report.created, 1);
  const csv = await api.GET("/api/v1/brands", {
    params: { query: { q: name } },
    headers: { Accept: "text/csv" },
    parseAs: "text",
  });
  assert.match(String(csv.data), new RegExp(name));
});

test("a call is aborted", async () => {
  await assert.rejects(api.GET(PRODUCTS, { signal: AbortSignal.abort() }), { name: "AbortError" });
});

test("tokens that expire under forty requests of two clients are renewed once", async () => {
  const store = new MemoryStore();
  let refreshes = 0;
  const options = {
    store,
    fetch: (request: Request) => {
      refreshes += request.url.endsWith("/refresh") ? 1 : 0;
      return fetch(request);
    },
  };
  const clients = [await connect(API_URL, CREDENTIALS, options), createClient(API_URL, options)] as const;
  const tokens = store.load();
  assert.ok(tokens);
  store.save({ ...tokens, access: `${tokens.access}x` });

  const calls = Array.from({ length: 40 }, (_, number) => clients[number % 2 === 0 ? 0 : 1].GET("/api/v1/auth/me"));

  for (const answer of await Promise.all(calls)) assert.equal(data(answer).username, API_USER);
  assert.equal(refreshes, 1);
  await clients[1].session.signOut();
  assert.equal((await clients[0].GET("/api/v1/auth/me")).error?.code, "unauthenticated");
});

test("a program has an API key", async () => {
  const made = data(await api.POST("/api/v1/auth/api-keys", { body: { name: "night job", scopes: ["tasks:read"] } }));
  const program = createKeyClient(API_URL, made.key);

  assert.equal((await program.GET("/api/v1/tasks")).response.status, 200);
});

test("no server is no answer", async () => {
  await assert.rejects(connect("http://127.0.0.1:9", CREDENTIALS), Unreachable);
});
