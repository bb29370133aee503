// Permissions of one person, each with its reasons.
import type { Schemas } from "../api/queries.ts";
import { Chip } from "../parts/Chip.tsx";
import { Empty } from "../parts/states.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { say } from "../words/say.ts";
import { useTitles, useWords } from "./permissions.ts";
import { sentencesOf } from "./sentences.ts";

export type Held = { permission: string; scopes: string[]; reasons: Schemas["Ground"][]; allowed?: boolean; near_misses?: Schemas["Ground"][] };

export function HeldTable({ held, onOpen }: { held: Held[]; onOpen: (permission: string) => void }) {
  const words = useWords();
  const titles = useTitles();
  const columns: Column<Held>[] = [
    { name: "permission", label: say("explain.permission"), cell: ({ permission, allowed = true }) => <><strong title={permission}>{words(permission)}</strong> {!allowed && <Chip tone="warn">{say("explain.almost-one")}</Chip>}</> },
    { name: "scopes", label: say("matrix.scope"), cell: ({ permission, scopes }) => scopes.map((scope) => titles.scope(permission.split(":")[0] ?? "", scope)).join(", ") },
    { name: "why", label: say("explain.why"), cell: (one) => sentencesOf(one, titles.module(one.permission.split(":")[0] ?? "")) },
  ];
  if (!held.length) return <Empty>{say("explain.holds-nothing")}</Empty>;
  return <Table label={say("explain.held")} columns={columns} rows={held} id={({ permission }) => permission} onOpen={({ permission }) => onOpen(permission)} />;
}
