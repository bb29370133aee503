// The package as it is published: a program that installs it compiles, and runs.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const PROGRAM = `
import { createKeyClient, list, type ItemOf, type Schemas } from "attest-client";

const api = createKeyClient("http://127.0.0.1:9", "ak_1", { attempts: 1 });
const title = (task: ItemOf<"/api/v1/tasks">): string => task.title;
const body: Schemas["ProductCreate"] = { sku: "LAMP", name: "Lamp", price: "19.90", currency: "EUR" };
// @ts-expect-error  a price is a string
const wrong: Schemas["ProductCreate"] = { ...body, price: 19.9 };
// @ts-expect-error  there is no such status
const nothing = () => list(api, "/api/v1/tasks", { status: ["lost"] });
// @ts-expect-error  there is no such address
const nowhere = () => list(api, "/api/v1/taskz");
try {
  for await (const task of list(api, "/api/v1/tasks", { status: ["todo"] })) console.log(title(task));
} catch (error) {
  console.log(error instanceof Error && error.name, [wrong, nothing, nowhere].length);
}
`;

test("what is packed can be used", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "consumer-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "attest-client"), { recursive: true });
  const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: ROOT, encoding: "utf8" });
  const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  execFileSync("tar", ["xzf", join(folder, filename), "--strip-components=1", "-C", join(modules, "attest-client")]);
  for (const name of ["openapi-fetch", "openapi-typescript-helpers"]) {
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  writeFileSync(join(folder, "program.ts"), PROGRAM);

  const options = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable"];
  execFileSync("node", [join(ROOT, "node_modules/typescript/bin/tsc"), ...options, "program.ts"], {
    cwd: folder,
    stdio: "inherit",
  });
  const printed = execFileSync("node", ["program.js"], { cwd: folder, encoding: "utf8" });

  assert.equal(printed, "Unreachable 3\n");
  const paths = files.map(({ path }) => path);
  for (const path of ["LICENSE", "README.md", "package.json", "dist/index.d.ts", "dist/schema.d.ts"])
    assert.ok(paths.includes(path), path);
  assert.ok(paths.every((path) => path.startsWith("dist/") || !path.includes("/")));
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: object };
  assert.deepEqual(Object.keys(dependencies), ["openapi-fetch"]);
});
