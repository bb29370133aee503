// Everybody who holds a permission, and why; on request those who almost do.
import { useMay, type Schemas } from "../api/queries.ts";
import { useAddress, valueOf } from "../parts/address.ts";
import { Chip } from "../parts/Chip.tsx";
import { Empty } from "../parts/states.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { say } from "../words/say.ts";
import { Pages } from "./Pages.tsx";
import { ALL_ROWS, useTitles, useWords } from "./permissions.ts";
import { sentenceOfCondition, sentencesOf } from "./sentences.ts";
import { UserLink } from "./UserLink.tsx";

type Explanation = Schemas["Explanation"];

export function WhoCan({ permission }: { permission: string }) {
  const [search, change] = useAddress();
  const words = useWords();
  const almost = valueOf(search, "almost") === "true";
  return (
    <section className="who-can" aria-labelledby="who-can">
      <header>
        <h2 id="who-can">{say("explain.who-can", { what: words(permission) })}</h2>
        <label><input type="checkbox" checked={almost} onChange={() => change({ almost: almost ? undefined : "true" })} />{say("explain.almost")}</label>
      </header>
      <Pages<Explanation> path="/api/v1/rbac/who-can" query={{ permission, limit: 50, near_misses: almost }}>
        {(items) => (items.length ? <People items={items} /> : <Empty>{say("explain.no-one")}</Empty>)}
      </Pages>
    </section>
  );
}

function People({ items }: { items: Explanation[] }) {
  const [, change] = useAddress();
  const may = useMay();
  const titles = useTitles();
  const columns: Column<Explanation>[] = [
    { name: "username", label: say("explain.username"), cell: ({ user_id, username }) => <strong><UserLink id={user_id} name={username} link={may("users:read")} /></strong> },
    { name: "allowed", label: say("explain.answer"), cell: ({ allowed }) => <Chip tone={allowed ? "good" : "warn"}>{say(allowed ? "explain.yes" : "explain.almost-one")}</Chip> },
    { name: "detail", label: say("explain.why"), cell: (one) => [sentencesOf(one, titles.module(one.permission.split(":")[0] ?? "")), ...one.conditions.map(sentenceOfCondition)].join(" ") },
    { name: "scopes", label: say("matrix.scope"), cell: ({ permission, scopes }) => scopes.map((scope) => (scope === ALL_ROWS ? say("permission.all-rows") : titles.scope(permission.split(":")[0] ?? "", scope))).join(", ") },
  ];
  return <Table label={say("explain.people")} columns={columns} rows={items} id={({ user_id }) => user_id} onOpen={({ username }) => change({ username })} />;
}
