// Drives a running server with the typed client, and exits with 1 where it does not answer as it says.
import { connect, data, walk, type Schemas } from "./index.js";

declare const process: { env: Record<string, string | undefined> };

function expect(what: string, found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${what}: ${String(found)}, not ${String(wanted)}`);
}

const { API_URL = "http://127.0.0.1:8000", API_USER = "", API_PASSWORD = "" } = process.env;
const api = await connect(API_URL, { username: API_USER, password: API_PASSWORD });
const sku = `TS-${crypto.randomUUID()}`;

// Money is a string, an idempotency key makes a retry safe.
const body: Schemas["ProductCreate"] = { sku, name: "Desk lamp", price: "19.90", currency: "EUR" };
const header = { "Idempotency-Key": crypto.randomUUID() };
const first = await api.POST("/api/v1/products", { body, params: { header } });
const again = await api.POST("/api/v1/products", { body, params: { header } });
const product = data(first);
const price: string = product.price;
expect("price", price, "19.90");
expect("the same product", data(again).id, product.id);
expect("replayed", again.response.headers.get("Idempotency-Replayed"), "true");

// A problem has a code to branch on.
const taken = await api.POST("/api/v1/products", { body });
expect("taken", taken.error?.code, "already-exists");
const unknown = await api.GET("/api/v1/products/{id}", { params: { path: { id: crypto.randomUUID() } } });
expect("unknown", unknown.response.status, 404);

// A change of what was read, and of nothing newer.
const path = { id: product.id };
const tag = first.response.headers.get("ETag") ?? "";
const change = { params: { path, header: { "If-Match": tag } }, body: { status: "active" as const } };
expect("status", data(await api.PATCH("/api/v1/products/{id}", change)).status, "active");
const stale = await api.PATCH("/api/v1/products/{id}", change);
expect("stale", stale.error?.code, "stale-version");

// Many at once, and a walk over pages.
const items = ["a", "b", "c"].map((name) => ({ ...body, sku: `${sku}-${name}` }));
const bulk = data(await api.POST("/api/v1/products/bulk", { body: { create: items, update: [], delete: [] } }));
expect("created", bulk.created.length, 3);
const page = (cursor: string | undefined) =>
  api.GET("/api/v1/products", { params: { query: { limit: 2, q: sku, ...(cursor && { cursor }) } } });
let walked = 0;
for await (const found of walk<Schemas["ProductRead"]>(page)) walked += found.sku.startsWith(sku) ? 1 : 0;
expect("walked", walked, 4);

console.log("typescript: products created, replayed, refused, changed, bulk-made and walked by the typed client");
