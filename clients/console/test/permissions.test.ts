import { expect, test } from "vitest";
import { holds, holdsWhereRead, type Schemas } from "../src/api/queries.ts";

const none = { can_create: false, can_read: false, can_update: false, can_delete: false, can_audit: false, actions: [] as string[] };
const mine = [{ ...none, module_slug: "tasks", can_audit: true }, { ...none, module_slug: "products", actions: ["set-price"] }] as unknown as Schemas["PermissionRead"][];

test("a permission is held in its module, or in any", () => {
  expect(holds(mine, "tasks:audit")).toBe(true);
  expect(holds(mine, "products:audit")).toBe(false);
  expect(holds(mine, "products:set-price")).toBe(true);
  expect(holds(mine, "*:audit")).toBe(true);
  expect(holds(mine, "*:create")).toBe(false);
  expect(holds(undefined, "*:audit")).toBe(false);
});

test("what is asked of all rows needs an action in all that are read", () => {
  const held = (scopes: Record<string, string[]>) => [{ ...none, module_slug: "customers", can_read: true, actions: ["read-personal"], scopes }] as unknown as Schemas["PermissionRead"][];
  const ask = (scopes: Record<string, string[]>) => holdsWhereRead(held(scopes), "customers:read-personal");

  expect(ask({})).toBe(true);
  expect(ask({ "read-personal": ["own"] })).toBe(false);
  expect(ask({ read: ["own"], "read-personal": ["own"] })).toBe(true);
  expect(ask({ read: ["own", "team"], "read-personal": ["own"] })).toBe(false);
  expect(ask({ read: ["own"] })).toBe(true);
  expect(holdsWhereRead(mine, "products:set-price")).toBe(true);
  expect(holdsWhereRead(undefined, "customers:read")).toBe(false);
});
