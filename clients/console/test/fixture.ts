// The committed document, with the x-resource that the server writes on each list.
import { readFileSync } from "node:fs";
import type { OpenApi, XResource } from "../src/document/schema.ts";

const ABOUT: Record<string, Partial<XResource>> = {
  tasks: {
    one: "task", entity: "task", title: "title", sortable: ["id", "title", "due_date"], defaultSort: "-id", references: { assignee_id: "users" },
    transitions: { status: { todo: ["in_progress", "cancelled"] } }, history: true, export: true, import: ["create", "update", "upsert"],
  },
  products: { one: "product", entity: "product", title: "name", references: { brand_id: "brands", category_id: "categories", tag_ids: "tags", tag_id: "tags" } },
  customers: { one: "customer", entity: "customer", title: "last_name" },
};

export function committedDocument(): OpenApi {
  const document = JSON.parse(readFileSync(new URL("../../../docs/openapi.json", import.meta.url), "utf8")) as OpenApi;
  for (const [slug, about] of Object.entries(ABOUT)) {
    const list = document.paths?.[`/api/v1/${slug}`]?.get;
    if (list) list["x-resource"] ??= { slug, ...about };
  }
  return document;
}

/** A document of one list of things, with these schemas. */
export function documentOf(properties: object, schemas: object = {}, about: object = {}): OpenApi {
  const thing = { type: "object", properties };
  const page = { type: "object", properties: { items: { type: "array", items: { $ref: "#/components/schemas/Thing" } } } };
  const json = (name: string) => ({ "application/json": { schema: { $ref: `#/components/schemas/${name}` } } });
  return {
    paths: {
      "/api/v1/things": {
        get: { "x-resource": { slug: "things", ...about }, responses: { "200": { content: json("Page") } } },
        post: { requestBody: { content: json("Thing") } },
      },
    },
    components: { schemas: { Thing: thing, Page: page, ...schemas } },
  } as OpenApi;
}
