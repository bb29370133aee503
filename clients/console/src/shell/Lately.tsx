// What was changed last in the modules of the person, as far as the first page of each list says.
import { useQueries, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client.ts";
import { me, menu, resources, type Page } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { useGo } from "../parts/address.ts";
import { Empty, Loading } from "../parts/states.tsx";
import { Table } from "../parts/Table.tsx";
import { Moment } from "../parts/Time.tsx";
import { say } from "../words/say.ts";

type Changed = { id: string; updated_at: string; updated_by: { id: string; name: string } | null } & Record<string, unknown>;
type Row = { path: string; name: string; module: string; at: string; by: Changed["updated_by"] };

const EACH = 20;
const SHOWN = 8;

const tellsChanges = ({ sortable, columns, can }: Resource) => can.read && sortable.includes("updated_at") && columns.some(({ name }) => name === "updated_by");

const toRow = ({ slug, title, name }: Resource, item: Changed): Row =>
  ({ path: `/${slug}/${item.id}`, name: String(item[title] ?? item.id), module: name, at: item.updated_at, by: item.updated_by });

function useLately(): { rows: Row[]; isPending: boolean } {
  const { data: all = [] } = useQuery(resources);
  const { data: groups = [] } = useQuery(menu);
  const slugs = new Set(groups.flatMap(({ modules }) => modules).map(({ slug }) => slug));
  const asked = all.filter((resource) => slugs.has(resource.slug) && tellsChanges(resource));
  return useQueries({
    queries: asked.map(({ path, title }) => {
      const query = { sort: "-updated_at", limit: EACH, fields: [title, "updated_at", "updated_by"].join(",") };
      return { queryKey: ["read", path, query], queryFn: () => call<Page<Changed>>("get", path, { query }) };
    }),
    combine: (answers) => ({
      isPending: !asked.length || answers.some((answer) => answer.isPending),
      rows: answers.flatMap(({ data }, index) => (data?.items ?? []).map((item) => toRow(asked[index] as Resource, item))).toSorted((a, b) => b.at.localeCompare(a.at)),
    }),
  });
}

export function Lately() {
  const { rows, isPending } = useLately();
  const { data: person } = useQuery(me);
  const [isMine, setIsMine] = useState(false);
  const go = useGo();
  const shown = rows.filter(({ by }) => !isMine || by?.id === person?.id).slice(0, SHOWN);
  return (
    <section className="home-group" aria-labelledby="lately">
      <header>
        <h2 id="lately">{say("home.lately")}</h2>
        <label><input type="checkbox" checked={isMine} onChange={() => setIsMine(!isMine)} />{say("home.only-mine")}</label>
      </header>
      {isPending && !shown.length ? <Loading /> : shown.length ? (
        <Table label={say("home.lately")} rows={shown} id={({ path }) => path} onOpen={({ path }) => go(path)} columns={[
          { name: "item", label: say("home.item"), cell: ({ name }) => <strong>{name}</strong> },
          { name: "module", label: say("home.module"), cell: ({ module }) => module },
          { name: "by", label: say("home.by"), cell: ({ by }) => by?.name ?? say("history.system") },
          { name: "when", label: say("home.when"), cell: ({ at }) => <Moment at={at} ago /> },
        ]} />
      ) : <Empty>{say("home.none")}</Empty>}
    </section>
  );
}
