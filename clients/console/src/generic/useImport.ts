// The import of a file: what was chosen, and how far the server is with it.
import { useState } from "react";
import { call } from "../api/client.ts";
import { Refused, Unreachable, type FieldError } from "../api/problems.ts";
import { forget, type Schemas } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { mediaType, readPreview, type Preview, type Report } from "./importing.ts";

export type Choices = { mode: string; decimal: string; fromLine: number };
type State =
  | { kind: "chosen" }
  | { kind: "working"; isDryRun: boolean }
  | { kind: "checked" | "done"; report: Report }
  | { kind: "refused"; refusal: Refusal }
  | { kind: "failed"; error: unknown };
/** Cells that are wrong; and `kept`, what an import had written before it stopped, which only one without a transaction does. */
export type Refusal = { errors: readonly FieldError[]; kept: { line: number; created: number; updated: number } | null };
export type Import = {
  file: File | null;
  preview: Preview | null;
  state: State;
  /** Takes a file, or none: what the server said of the one before is forgotten. */
  choose: (file: File | null) => void;
  /** Forgets what the server said of the file, because it is to be read in another way. */
  reconsider: () => void;
  run: (isDryRun: boolean) => void;
};

const PREVIEW_BYTES = 4 * 1024 * 1024;
const BODY = "/body/";
const PAUSE_MS = 2_000;

/** The beginning of a file as text, in the encoding that its first bytes say. */
async function readBeginning(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.slice(0, PREVIEW_BYTES).arrayBuffer());
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** What came of a large file, which a job imports: the answer named the job. */
async function reportOf({ id }: Schemas["Accepted"]): Promise<Report> {
  for (;;) {
    await pause();
    try {
      const job = await call<Schemas["JobRead"]>("get", `/api/v1/jobs/${id}`);
      const { report } = job.ended_at ? await call<Schemas["TransferRead"]>("get", `/api/v1/transfers/${id}`) : { report: null };
      if (report) return report;
      if (job.ended_at) throw new Error(job.error ?? job.state);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
    }
  }
}

/** Sends the file until the server has said what became of it: under the same key a retry goes on where the import is. */
async function send({ path }: Resource, file: File, { mode, decimal, fromLine }: Choices, isDryRun: boolean): Promise<Report> {
  const query = { mode, dry_run: isDryRun, ...(decimal && { decimal }), ...(fromLine > 1 && { from_line: fromLine }) };
  const headers = { "Content-Type": mediaType(file.name), "Idempotency-Key": crypto.randomUUID() };
  for (;;) {
    try {
      const answer = await call<Report | Schemas["Accepted"]>("post", `${path}/import`, { query, body: file, headers });
      return "id" in answer ? await reportOf(answer) : answer;
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "idempotency-key-in-use") throw error;
      await pause();
    }
  }
}

const answered = (report: Report, isDryRun: boolean): State =>
  report.errors.length ? { kind: "refused", refusal: { errors: report.errors, kept: null } } : { kind: isDryRun ? "checked" : "done", report };

function failed(error: unknown): State {
  const errors = error instanceof Refused ? error.errors.filter(({ pointer }) => pointer.startsWith(BODY)) : [];
  if (!(error instanceof Refused) || !errors.length) return { kind: "failed", error };
  const { stopped_at_line: line, created = 0, updated = 0 } = error.problem;
  return { kind: "refused", refusal: { errors, kept: line ? { line, created, updated } : null } };
}

export function useImport(resource: Resource, choices: Choices): Import {
  const [file, setFile] = useState<File | null>(null);
  const [preview, setPreview] = useState<Preview | null>(null);
  const [state, setState] = useState<State>({ kind: "chosen" });
  const reconsider = () => setState({ kind: "chosen" });
  const choose = (chosen: File | null) => {
    setFile(chosen);
    setPreview(null);
    reconsider();
    if (chosen) readBeginning(chosen).then((text) => setPreview(readPreview(chosen.name, text)), () => setPreview(null));
  };
  const run = (isDryRun: boolean) => {
    if (!file) return;
    setState({ kind: "working", isDryRun });
    send(resource, file, choices, isDryRun)
      .then((report) => setState(answered(report, isDryRun)), (error: unknown) => setState(failed(error)))
      .finally(() => void forget(resource.path));
  };
  return { file, preview, state, choose, reconsider, run };
}
