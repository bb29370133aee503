// What was changed last: by the person, as the change log says; or by all, as far as the first page of each list says.
import { useQueries, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client.ts";
import { menu, resources, useRead, type Page, type Schemas } from "../api/queries.ts";
import { humanize } from "../document/labels.ts";
import type { Resource } from "../document/read.ts";
import { useGo, type Search } from "../parts/address.ts";
import { Empty, Loading } from "../parts/states.tsx";
import { Table } from "../parts/Table.tsx";
import { Moment } from "../parts/Time.tsx";
import { say, sayIfKnown } from "../words/say.ts";

type Changed = { id: string; updated_at: string; updated_by: { id: string; name: string } | null } & Record<string, unknown>;
type Own = Schemas["OwnChangeRead"];
type Row = { path: string; search: Search; name: string; module: string; at: string; how: string };
type Found = { rows: Row[]; isPending: boolean };

const EACH = 20;
const OWN = 100;
const SHOWN = 8;

/** The resources in the menu of the person. */
function useShown(): Resource[] {
  const { data: all = [] } = useQuery(resources);
  const { data: groups = [] } = useQuery(menu);
  const slugs = new Set(groups.flatMap(({ modules }) => modules).map(({ slug }) => slug));
  return all.filter(({ slug, can }) => slugs.has(slug) && can.read);
}

const tellsChanges = ({ sortable, columns }: Resource) => sortable.includes("updated_at") && columns.some(({ name }) => name === "updated_by");

const toRow = ({ slug, title, name }: Resource, item: Changed): Row =>
  ({ path: `/${slug}/${item.id}`, search: {}, name: String(item[title] ?? item.id), module: name, at: item.updated_at, how: item.updated_by?.name ?? say("history.system") });

function useAll(): Found {
  const asked = useShown().filter(tellsChanges);
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

/** The newest own change of each item that has a screen. */
function useOwn(isAsked: boolean): Found {
  const shown = useShown();
  const { data, isPending } = useRead<Page<Own>>(isAsked ? "/api/v1/auth/me/changes" : null, { limit: OWN });
  const rows = new Map<string, Row>();
  for (const { entity, entity_id: id, action, item_name: name, at } of data?.items ?? []) {
    const resource = shown.find((one) => one.entity === entity);
    if (!resource || !name || rows.has(id)) continue;
    const search = action === "delete" ? { deleted: "only" } : {};
    rows.set(id, { path: `/${resource.slug}/${id}`, search, name, module: resource.name, at, how: sayIfKnown(`history.action.${action}`, humanize(action)) });
  }
  return { rows: [...rows.values()], isPending };
}

export function Lately() {
  const [isMine, setIsMine] = useState(false);
  const all = useAll();
  const own = useOwn(isMine);
  const go = useGo();
  const { rows, isPending } = isMine ? own : all;
  const shown = rows.slice(0, SHOWN);
  return (
    <section className="home-group" aria-labelledby="lately">
      <header>
        <h2 id="lately">{say("home.lately")}</h2>
        <label><input type="checkbox" checked={isMine} onChange={() => setIsMine(!isMine)} />{say("home.only-mine")}</label>
      </header>
      {isPending && !shown.length ? <Loading /> : shown.length ? (
        <Table label={say("home.lately")} rows={shown} id={({ path }) => path} onOpen={({ path, search }) => go(path, search)} columns={[
          { name: "item", label: say("home.item"), cell: ({ name }) => <strong>{name}</strong> },
          { name: "module", label: say("home.module"), cell: ({ module }) => module },
          { name: "how", label: say(isMine ? "home.how" : "home.by"), cell: ({ how }) => how },
          { name: "when", label: say("home.when"), cell: ({ at }) => <Moment at={at} ago /> },
        ]} />
      ) : <Empty>{say("home.none")}</Empty>}
    </section>
  );
}
