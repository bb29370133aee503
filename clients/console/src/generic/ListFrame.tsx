// What a list has whose columns are its own: heading, choices, filters, rows, pages.
import type { ReactNode } from "react";
import { useRead, type Page } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { ActiveFilters, FilterButton } from "./Filters.tsx";
import { Export } from "./Export.tsx";
import { listQuery } from "./list.ts";
import { Pager } from "./Pager.tsx";
import { WithResource } from "./WithResource.tsx";
import { useAddress, valueOf } from "../parts/address.ts";
import { Answered, Empty } from "../parts/states.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { Heading, Toolbar } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";

type ListFrameProps<T> = {
  slug: string;
  title: string;
  columns: Column<T>[];
  tools?: ReactNode;
  known?: (rows: T[]) => Record<string, string>;
  children?: ReactNode;
};

/** `known`: what the rows call people, for the filters. */
export function ListFrame<T extends { id: string }>(props: ListFrameProps<T>) {
  return <WithResource slug={props.slug}>{(resource) => <Loaded {...props} resource={resource} />}</WithResource>;
}

function Loaded<T extends { id: string }>({ resource, title, columns, tools, known, children }: ListFrameProps<T> & { resource: Resource }) {
  const [search, change] = useAddress();
  const page = useRead<Page<T>>(resource.path, listQuery(search));
  return (
    <>
      <Heading title={title} />
      {children}
      <Toolbar label={title}>{tools}<FilterButton resource={resource} /><Export resource={resource} /></Toolbar>
      <ActiveFilters resource={resource} known={known?.(page.data?.items ?? []) ?? {}} />
      <Answered to={page}>
        {(found) => (
          <div className="dense">
            {found.items.length ? (
              <Table label={title} columns={columns} rows={found.items} id={({ id }) => id}
                sort={valueOf(search, "sort") || resource.defaultSort} onSort={(sort) => change({ sort, cursor: undefined })} />
            ) : <Empty>{say("list.empty")}</Empty>}
            <Pager resource={resource} page={found} />
          </div>
        )}
      </Answered>
    </>
  );
}

export type Choice = { label: string; search: Record<string, string> };

/** Filters that are often wanted; one at a time. */
export function Choices({ label, choices }: { label: string; choices: Choice[] }) {
  const [search, change] = useAddress();
  const names = choices.flatMap((choice) => Object.keys(choice.search));
  const cleared = Object.fromEntries([...names, "cursor"].map((name) => [name, undefined]));
  const isOn = (choice: Choice) => names.every((name) => (valueOf(search, name) !== "") === (name in choice.search));
  return (
    <div className="switch" role="group" aria-label={label}>
      {choices.map((choice) => (
        <button key={choice.label} type="button" aria-pressed={isOn(choice)} onClick={() => change({ ...cleared, ...choice.search })}>{choice.label}</button>
      ))}
    </div>
  );
}
