// A table of rows: heads that sort, rows that keys reach (j, k, Enter), and rows to select.
import { useRef, type KeyboardEvent, type MouseEvent, type ReactNode } from "react";
import { say } from "../words/say.ts";
import { Icon } from "./Icon.tsx";
import { useKeys } from "./keys.ts";
import { toggle } from "./toggle.ts";

export type Column<T> = { name: string; label: string; sortable?: boolean; numeric?: boolean; cell: (row: T) => ReactNode };
type Selection = { ids: ReadonlySet<string>; onChange: (ids: ReadonlySet<string>) => void };
type TableProps<T> = {
  label: string;
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
  name?: (row: T) => string;
  /** Opens a row, by click or Enter. */
  onOpen?: (row: T) => void;
  sort?: string;
  onSort?: (sort: string) => void;
  selection?: Selection;
};

export function Table<T>(props: TableProps<T>) {
  const body = useRef<HTMLTableSectionElement>(null);
  useKeys({ j: () => moveFocus(body.current, 1), k: () => moveFocus(body.current, -1) });
  return (
    <div className="table" tabIndex={-1}>
      <table aria-label={props.label}>
        <thead>
          <tr>
            {props.selection && <th className="select"><SelectAll {...props} selection={props.selection} /></th>}
            {props.columns.map((column) => <Head key={column.name} column={column} {...props} />)}
          </tr>
        </thead>
        <tbody ref={body}>{props.rows.map((row) => <Row key={props.id(row)} row={row} {...props} />)}</tbody>
      </table>
    </div>
  );
}

/** Whether keys move in this table: the focus is in it, or in none, and it is the first on the screen. */
function isMoved(body: HTMLElement | null): boolean {
  const table = document.activeElement?.closest("table") ?? document.querySelector("main table");
  return table !== null && table.contains(body);
}

/** Moves the focus to the next or previous row. */
function moveFocus(body: HTMLElement | null, step: number): void {
  if (!isMoved(body)) return;
  const rows = [...(body?.children ?? [])] as HTMLElement[];
  const now = rows.findIndex((row) => row.contains(document.activeElement));
  const next = now < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, now + step));
  rows[next]?.focus();
}

function Head<T>({ column, sort = "", onSort }: TableProps<T> & { column: Column<T> }) {
  const order = sort === column.name ? "ascending" : sort === `-${column.name}` ? "descending" : undefined;
  const className = column.numeric ? "numeric" : undefined;
  if (!column.sortable || !onSort) return <th scope="col" className={className}>{column.label}</th>;
  const next = order === "ascending" ? `-${column.name}` : column.name;
  return (
    <th scope="col" className={className} aria-sort={order ?? "none"}>
      <button type="button" className="head" onClick={() => onSort(next)}>
        {column.label}
        {order && <Icon name={order === "ascending" ? "arrow-up" : "arrow-down"} />}
      </button>
    </th>
  );
}

function Row<T>({ row, columns, id, name, onOpen, selection }: TableProps<T> & { row: T }) {
  const open = (event: MouseEvent | KeyboardEvent) => {
    const target = event.target as HTMLElement;
    if (!target.closest("a, button, input") && !getSelection()?.toString()) onOpen?.(row);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && event.target === event.currentTarget) open(event);
  };
  const key = id(row);
  return (
    <tr tabIndex={onOpen ? 0 : -1} onClick={open} onKeyDown={onKeyDown} aria-selected={selection?.ids.has(key)} className={onOpen && "opens"}>
      {selection && (
        <td className="select">
          <input type="checkbox" aria-label={say("table.row", { name: name?.(row) ?? key })} checked={selection.ids.has(key)}
            onChange={() => selection.onChange(toggle(selection.ids, key))} />
        </td>
      )}
      {columns.map((column) => <td key={column.name} className={column.numeric ? "numeric" : undefined}>{column.cell(row)}</td>)}
    </tr>
  );
}

function SelectAll<T>({ rows, id, selection }: TableProps<T> & { selection: Selection }) {
  const all = rows.length > 0 && rows.every((row) => selection.ids.has(id(row)));
  return (
    <input type="checkbox" aria-label={say("table.all")} checked={all}
      onChange={() => selection.onChange(all ? new Set() : new Set(rows.map(id)))} />
  );
}
