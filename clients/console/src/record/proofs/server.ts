// The questions of the proofs to the API.
import { api, call, data } from "../../api/client.ts";
import type { Page, Schemas } from "../../api/queries.ts";
import type { Server } from "./check.ts";

type Entry = { id: number };

/** A text of the API. Its types say unknown of plain text. */
const readText = (path: "/api/v1/audit/checkpoint" | "/api/v1/audit/key", log: "access" | "changes"): Promise<string> =>
  data(api.GET(path, { params: { query: { log } }, parseAs: "text" })) as Promise<string>;

async function readWitnesses(log: "access" | "changes"): Promise<string> {
  const { logs } = await call<Schemas["AuditStatus"]>("get", "/api/v1/audit/status");
  return (logs.find((each) => each.log === log)?.witnesses ?? []).map(({ verifier_key }) => verifier_key).join("\n");
}

/** Entries of requests have no address of their own: they are found by their call. */
async function findAccess(sealed: Record<string, unknown>): Promise<object | null> {
  if (!sealed.call_id) return null;
  const page = await call<Page<Entry>>("get", "/api/v1/audit/access", { query: { call_id: String(sealed.call_id), limit: 50 } });
  return page.items.find(({ id }) => id === sealed.id) ?? null;
}

export const serverOf = (log: "access" | "changes"): Server => ({
  checkpoint: () => readText("/api/v1/audit/checkpoint", log),
  keys: () => readText("/api/v1/audit/key", log),
  witnesses: () => readWitnesses(log),
  consistency: async (from, to) => (await call<{ path: string[] }>("get", `/api/v1/audit/consistency/${log}`, { query: { from, to } })).path,
  proof: (seq) => call("get", `/api/v1/audit/proofs/${log}/${seq}`),
  shown: (sealed) => (log === "access" ? findAccess(sealed) : call("get", `/api/v1/audit/changes/${String(sealed.id)}`)),
});
