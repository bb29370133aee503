// Pages, versions and files.
import assert from "node:assert/strict";
import { test } from "node:test";
import { change, createKeyClient, list, remove, upload } from "attest-client";
import { json, Server } from "./server.js";

const TASK = { id: "01890000-0000-7000-8000-000000000000", version: 3 };

function setUp(...replies: ConstructorParameters<typeof Server>) {
  const server = new Server(...replies);
  return { server, api: createKeyClient("http://attest.test", "ak_1", { fetch: server.fetch }) };
}

test("a list is walked to its end, a page at a time", async () => {
  const { server, api } = setUp(
    json({ items: [{ title: "a" }, { title: "b" }], next_cursor: "c1" }),
    json({ items: [{ title: "c" }], next_cursor: null }),
  );
  const titles: string[] = [];

  for await (const task of list(api, "/api/v1/tasks", { status: ["todo", "done"], limit: 2 })) titles.push(task.title);

  assert.deepEqual(titles, ["a", "b", "c"]);
  const [first, second] = server.requests.map(({ url }) => new URL(url).search);
  assert.equal(first, "?limit=2&status=todo&status=done");
  assert.equal(second, "?limit=2&status=todo&status=done&cursor=c1");
});

test("a walk that is left early asks for no further page", async () => {
  const { server, api } = setUp(json({ items: [{ title: "a" }], next_cursor: "c1" }));

  for await (const _ of list(api, "/api/v1/tasks")) break;

  assert.equal(server.requests.length, 1);
});

test("a walk can be aborted between two pages", async () => {
  const { server, api } = setUp(json({ items: [{ title: "a" }], next_cursor: "c1" }));
  const stop = new AbortController();

  await assert.rejects(
    async () => {
      for await (const _ of list(api, "/api/v1/tasks", {}, stop.signal)) stop.abort();
    },
    { name: "AbortError" },
  );
  assert.equal(server.requests.length, 1);
});

test("a change and a removal name the version that was read", async () => {
  const { server, api } = setUp(json({ ...TASK, version: 4 }), new Response(null, { status: 204 }));

  const changed = await change(api, "/api/v1/tasks/{id}", TASK, { priority: "high" });
  await remove(api, "/api/v1/tasks/{id}", changed);

  assert.deepEqual(server.sent("If-Match"), ['"3"', '"4"']);
  assert.equal(await server.requests[0]?.text(), '{"priority":"high"}');
  assert.ok(server.requests[1]?.url.endsWith(`/tasks/${TASK.id}`));
});

test("a file is sent as it is", async () => {
  const { server, api } = setUp(json({ dry_run: true, created: 1, failed: 0, stopped_at_line: null, errors: [] }));

  await upload(api, "/api/v1/tasks/import", new Blob(["title\nSweep\n"], { type: "text/csv" }), { dry_run: true });

  assert.equal(await server.requests[0]?.text(), "title\nSweep\n");
  assert.deepEqual(server.sent("Content-Type"), ["text/csv"]);
  assert.match(server.sent("Idempotency-Key")[0] ?? "", /./);
});
