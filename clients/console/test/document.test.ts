// The reader of the document: what it finds in the committed one, and what hostile ones do to it.
import { describe, expect, test } from "vitest";
import { maySearch, readDocument, type Resource } from "../src/document/read.ts";
import { committedDocument, documentOf } from "./fixture.ts";

const found = readDocument(committedDocument());
const resource = (slug: string): Resource => {
  const one = found.find((candidate) => candidate.slug === slug);
  if (!one) throw new Error(slug);
  return one;
};
const kinds = (fields: Resource["create"]) => Object.fromEntries((fields ?? []).map(({ name, kind }) => [name, kind]));
const thing = (properties: object, schemas: object = {}, about: object = {}) => readDocument(documentOf(properties, schemas, about))[0] as Resource;

describe("the committed document", () => {
  test("gives a form its kinds from Create", () => {
    expect(kinds(resource("tasks").create)).toEqual({
      title: "text", description: "long", due_date: "date", status: "choice", priority: "choice", assignee_id: "reference",
    });
    expect(kinds(resource("products").create)).toMatchObject({ price: "money", currency: "text", brand_id: "reference", tag_ids: "references", sku: "text" });
    expect(kinds(resource("customers").create)).toMatchObject({ address: "group", email: "email", birth_date: "date", notes: "long" });
  });

  test("shows the name of a reference instead of its id, and short texts as short", () => {
    const columns = kinds(resource("tasks").columns);
    expect(columns.assignee).toBe("named");
    expect(columns).not.toHaveProperty("assignee_id");
    expect(columns.title).toBe("text");
    expect(columns.completed_at).toBe("moment");
  });

  test("gives a list its filters, and none for its paging", () => {
    const filters = Object.fromEntries(resource("tasks").filters.map(({ name, shape, field }) => [name, `${shape} ${field.kind}`]));
    expect(filters).toMatchObject({ status: "any-of choice", assignee_id: "any-of reference", due_date: "range date", created_at: "range moment" });
    for (const paging of ["limit", "cursor", "q", "sort", "fields", "columns", "id", "status_not", "due_date_null", "created_at_lte"]) expect(filters).not.toHaveProperty(paging);
  });

  test("says what can be done with an item", () => {
    expect(resource("tasks").can).toEqual({ search: true, read: true, delete: true, restore: true, revert: true, bulk: true, history: true, export: true });
  });

  test("searches what a person may search, whatever other fields are masked", () => {
    const customers = resource("customers");
    expect(customers.searchNeeds).toEqual(["customers:read-personal"]);
    expect(maySearch(customers, (permission) => permission === "customers:read")).toBe(false);
    expect(maySearch(customers, (permission) => permission.startsWith("customers:read"))).toBe(true);
    const masked = { ...resource("products"), columns: resource("products").columns.map((column) => ({ ...column, readAction: "products:read-prices" })) };
    expect(maySearch(masked, (permission) => permission === "products:read")).toBe(true);
    expect(maySearch(masked, () => false)).toBe(false);
  });

  test("puts the name first and the currency behind its price", () => {
    const names = (resource("products").create ?? []).map(({ name }) => name);
    expect(names[0]).toBe("name");
    expect(names.indexOf("currency")).toBe(names.indexOf("price") + 1);
  });

  test("labels filters in words", () => {
    expect(resource("tasks").filters.map(({ field }) => field.label)).toEqual(expect.arrayContaining(["Due date", "Created at", "Assignee"]));
  });

  test("helps with a field only where that says more than its label", () => {
    const help = Object.fromEntries((resource("products").create ?? []).map(({ name, help: text }) => [name, text]));
    expect(help).toMatchObject({ brand_id: "", name: "", description: "", sku: "The stock keeping unit, unique ignoring case." });
  });

  test("labels references by what they refer to", () => {
    expect(resource("products").create?.find(({ name }) => name === "tag_ids")?.label).toBe("Tags");
  });

  test("labels a field by its name, not by the name of its type", () => {
    expect(resource("products").columns.map(({ label }) => label)).toEqual(expect.arrayContaining(["Brand", "Status", "SKU", "Updated at"]));
  });
});

describe("a hostile document", () => {
  test("with nothing in it has no resources", () => {
    expect(readDocument({})).toEqual([]);
    expect(readDocument({ paths: { "/a": undefined, "/b": { get: {} } } })).toEqual([]);
  });

  test("with unknown kinds shows them as unknown, and loses none", () => {
    const fields = { a: { type: "colour" }, b: { type: ["string", "integer"] }, c: { oneOf: [{ type: "string" }, { type: "integer" }] }, d: {}, e: { $ref: "#/nowhere" } };
    expect(kinds(thing(fields).create)).toEqual({ a: "unknown", b: "unknown", c: "unknown", d: "unknown", e: "unknown" });
  });

  test("with a list below an item has no resource of it", () => {
    expect(readDocument({ paths: { "/a/{id}/history": { get: { "x-resource": { slug: "history" } } } } })).toEqual([]);
  });

  test("with cycles ends", () => {
    const schemas = { Loop: { $ref: "#/components/schemas/Loop" }, Tree: { type: "object", properties: { child: { $ref: "#/components/schemas/Tree" } } } };
    const fields = { loop: { $ref: "#/components/schemas/Loop" }, tree: { $ref: "#/components/schemas/Tree" } };
    expect(kinds(thing(fields, schemas).create)).toEqual({ loop: "unknown", tree: "group" });
  });

  test("without titles names fields by themselves and items by their id", () => {
    const { title, create } = thing({ due_on: { type: "string", format: "date" } });
    expect(title).toBe("id");
    expect(create?.[0]?.label).toBe("Due on");
  });

  test("with null beside a type, in both spellings, is nullable", () => {
    const fields = { a: { type: ["string", "null"] }, b: { anyOf: [{ type: "integer" }, { type: "null" }] }, c: { type: "string" } };
    expect(thing(fields).create?.map(({ kind, nullable }) => [kind, nullable])).toEqual([["text", true], ["integer", true], ["text", false]]);
  });

  test("that names a transition or reference of a missing field does not fail", () => {
    const about = { references: { gone_id: "nowhere" }, transitions: { gone: { a: ["b"] } } };
    expect(thing({ name: { type: "string" } }, {}, about).title).toBe("name");
  });

  test("with names of Object's prototype reads them as fields", () => {
    expect(kinds(thing({ constructor: { type: "string" }, toString: { type: "boolean" } }).create)).toEqual({ constructor: "text", toString: "boolean" });
  });
});
