// The list of any module. Its state is its address.
import { useParams } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { useMay, useMayWhereRead, useRead, type Page } from "../api/queries.ts";
import { maySearch, type Field, type Resource } from "../document/read.ts";
import { useAddress, useGo, valueOf } from "../parts/address.ts";
import { Icon } from "../parts/Icon.tsx";
import { useKeys } from "../parts/keys.ts";
import { Answered, Empty, MissingScreen } from "../parts/states.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { Heading, Toolbar } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { useCan } from "./allowed.ts";
import { BulkDelete } from "./BulkDelete.tsx";
import { ColumnChooser } from "./ColumnChooser.tsx";
import { Export } from "./Export.tsx";
import { ActiveFilters, FilterButton } from "./Filters.tsx";
import { Pager } from "./Pager.tsx";
import { Value } from "./Value.tsx";
import { WithResource } from "./WithResource.tsx";
import { nameOf, type Item } from "./item.ts";
import { useColumns } from "./columns.ts";
import { listQuery } from "./list.ts";

export default function ListScreen() {
  const { slug } = useParams({ strict: false }) as { slug: string };
  return <WithResource slug={slug}>{(resource) => <Guarded key={slug} resource={resource} />}</WithResource>;
}

function Guarded({ resource }: { resource: Resource }) {
  const may = useMay();
  const needed = `${resource.slug}:read`;
  return may(needed) ? <List resource={resource} /> : <MissingScreen title={resource.name} permission={needed} />;
}

function List({ resource }: { resource: Resource }) {
  const [search] = useAddress();
  const may = useMayWhereRead();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const page = useRead<Page<Item>>(resource.path, listQuery(search));
  const rows = page.data?.items ?? [];
  return (
    <>
      <ListHeading resource={resource} />
      <Toolbar label={resource.name}>
        {maySearch(resource, may) && <SearchField />}
        <FilterButton resource={resource} />
        <ColumnChooser resource={resource} />
        <Export resource={resource} />
        <DeletedSwitch resource={resource} />
      </Toolbar>
      <ActiveFilters resource={resource} />
      <BulkDelete resource={resource} rows={rows.filter(({ id }) => selected.has(id))} onDone={() => setSelected(new Set())} />
      <Answered to={page}>
        {(found) => (
          <>
            <Rows resource={resource} rows={found.items} selected={selected} onSelect={setSelected} />
            <Pager resource={resource} page={found} />
          </>
        )}
      </Answered>
    </>
  );
}

function ListHeading({ resource }: { resource: Resource }) {
  const go = useGo();
  const can = useCan(resource);
  return (
    <Heading title={resource.name}>
      {resource.imports.length > 0 && can("import") && (
        <button type="button" onClick={() => go(`/${resource.slug}/import`)}><Icon name="upload" />{say("list.import")}</button>
      )}
      {resource.create && can("create") && (
        <button type="button" className="primary" onClick={() => go(`/${resource.slug}/new`)}><Icon name="plus" />{say("action.new")}</button>
      )}
    </Heading>
  );
}

function SearchField() {
  const [search, change] = useAddress();
  const ref = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => ref.current?.focus() });
  const submit = (value: string) => change({ q: value.trim() || undefined, cursor: undefined });
  return (
    <form role="search" onSubmit={(event) => (event.preventDefault(), submit(ref.current?.value ?? ""))}>
      <input key={valueOf(search, "q")} ref={ref} type="search" aria-label={say("list.search")} placeholder={say("list.search")}
        defaultValue={valueOf(search, "q")} onBlur={(event) => event.target.value !== valueOf(search, "q") && submit(event.target.value)} />
    </form>
  );
}

function DeletedSwitch({ resource }: { resource: Resource }) {
  const [search, change] = useAddress();
  const can = useCan(resource);
  if (!can("restore")) return null;
  const on = valueOf(search, "deleted") === "only";
  return (
    <button type="button" aria-pressed={on} onClick={() => change({ deleted: on ? undefined : "only", cursor: undefined })}>
      <Icon name="archive" />{say("list.deleted")}
    </button>
  );
}

type RowsProps = { resource: Resource; rows: Item[]; selected: ReadonlySet<string>; onSelect: (ids: ReadonlySet<string>) => void };

function Rows({ resource, rows, selected, onSelect }: RowsProps) {
  const [search, change] = useAddress();
  const can = useCan(resource);
  const [columns] = useColumns(resource);
  const go = useGo();
  const mayDelete = !search.deleted && can("bulk") && can("delete");
  if (!rows.length) return <Empty>{say("list.empty")}</Empty>;
  return (
    <Table label={resource.name} columns={columns.map((field) => toColumn(resource, field))} rows={rows} id={({ id }) => id}
      name={(item) => nameOf(resource, item)} sort={valueOf(search, "sort") || resource.defaultSort} onSort={(sort) => change({ sort, cursor: undefined })}
      {...(can("get") && { onOpen: (item: Item) => go(`/${resource.slug}/${item.id}`, { deleted: search.deleted }) })}
      {...(mayDelete && { selection: { ids: selected, onChange: onSelect } })} />
  );
}

const NUMERIC = new Set(["integer", "decimal", "money"]);

const toColumn = (resource: Resource, field: Field): Column<Item> => ({
  name: field.name,
  label: field.label,
  sortable: resource.sortable.includes(field.name),
  numeric: NUMERIC.has(field.kind),
  cell: (item) => {
    const value = <Value field={field} value={item[field.name]} item={item} />;
    return field.name === resource.title ? <strong>{value}</strong> : value;
  },
});
