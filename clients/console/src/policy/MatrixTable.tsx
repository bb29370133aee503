// The matrix itself: a row for each module, a column for each role, and in each cell what is granted.
import { useRef, useState } from "react";
import { Link } from "@tanstack/react-router";
import { useMay } from "../api/queries.ts";
import { Chip } from "../parts/Chip.tsx";
import { say } from "../words/say.ts";
import { Activate } from "./Activate.tsx";
import { GrantDialog } from "./GrantDialog.tsx";
import { grantOf, isEdited, toggleFlag, toggleModule, type Draft, type Grant, type Row } from "./matrix.ts";
import type { Module } from "./modules.ts";
import { ALL_ROWS, FLAGS, useTitles } from "./permissions.ts";
import { useArrows } from "./useArrows.ts";

export type OnChange = (row: Row, slug: string, grant: Grant | null) => void;
type TableProps = { rows: Row[]; modules: Module[]; draft: Draft; onChange?: OnChange };

export function MatrixTable({ rows, modules, draft, onChange }: TableProps) {
  const ref = useRef<HTMLTableSectionElement>(null);
  const may = useMay();
  useArrows(ref);
  return (
    <div className="table matrix" tabIndex={-1}>
      <table aria-label={say("matrix.title")}>
        <thead>
          <tr>
            <th scope="col">{say("matrix.module")}</th>
            {rows.map(({ role_id, role_name, is_active }) => (
              <th key={role_id} scope="col">
                {may("roles:read") ? <Link to={`/roles/${role_id}` as string}>{role_name}</Link> : role_name}
                {!is_active && <Chip tone="warn">{say("matrix.inactive")}</Chip>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={ref}>
          {modules.map((module) => (
            <tr key={module.slug}>
              <th scope="row"><span>{module.name}</span>{module.inactive && <Activate what={module.inactive} />}</th>
              {rows.map((row) => <Cell key={row.role_id} row={row} module={module} draft={draft} {...(onChange && { onChange })} />)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

type CellProps = { row: Row; module: Module; draft: Draft; onChange?: OnChange };

function Cell({ row, module, draft, onChange }: CellProps) {
  const { slug } = module;
  const grant = grantOf(row, slug, draft);
  const name = say("matrix.cell", { role: row.role_name, module: module.name });
  const put = onChange && ((next: Grant | null) => onChange(row, slug, next));
  return (
    <td className={isEdited(draft, row, slug) ? "edited" : undefined}>
      <span className="flags" role="group" aria-label={name}>
        <Switch short={say("matrix.short.read")} label={say("permission.read")} on={grant !== null} {...(put && { onToggle: () => put(toggleModule(grant, slug)) })} />
        {FLAGS.map((flag) => (
          <Switch key={flag} short={say(`matrix.short.${flag}`)} label={say(`permission.${flag}`)} on={grant?.[`can_${flag}`] ?? false}
            {...(put && { onToggle: () => put(toggleFlag(grant, slug, flag)) })} />
        ))}
      </span>
      {grant && <More grant={grant} module={module} name={name} {...(put && { onChange: put })} />}
    </td>
  );
}

function Switch({ short, label, on, onToggle }: { short: string; label: string; on: boolean; onToggle?: () => void }) {
  if (!onToggle) return <span className={on ? "flag on" : "flag"} role="img" aria-label={say(on ? "matrix.granted" : "matrix.not-granted", { label })} title={label}>{short}</span>;
  return <button type="button" className="flag" aria-pressed={on} aria-label={label} title={label} onClick={onToggle}>{short}</button>;
}

/** Own actions and scope of a grant, in a line that opens their editor. */
function More({ grant, module, name, onChange }: { grant: Grant; module: Module; name: string; onChange?: (grant: Grant) => void }) {
  const [open, setOpen] = useState(false);
  const { text, all } = useSummary(grant, module);
  const hasMore = module.actions.length + module.scopes.length > 0;
  if (!onChange || !hasMore) return text ? <small className="more" title={all}>{text}</small> : null;
  return (
    <>
      <button type="button" className="more" title={all} aria-label={say("matrix.more", { cell: name, more: all || text })} onClick={() => setOpen(true)}>{text}</button>
      {open && <GrantDialog title={name} grant={grant} module={module} onClose={() => setOpen(false)} onChange={onChange} />}
    </>
  );
}

/** What a grant gives besides the flags: in a few words, and all of it. */
function useSummary({ actions, scope }: Grant, module: Module): { text: string; all: string } {
  const titles = useTitles();
  const named = actions.map((action) => module.actions.find(({ name }) => name === action)?.title ?? titles.action(module.slug, action));
  const rows = scope === ALL_ROWS ? titles.scope(module.slug, ALL_ROWS) : (module.scopes.find(({ name }) => name === scope)?.title ?? scope);
  const none = module.actions.length > 0 ? say("matrix.no-action") : "";
  const some = named.length ? say("matrix.actions", { count: named.length, first: named[0] ?? "" }) : none;
  const told = module.scopes.length > 0 && (scope !== ALL_ROWS || !some) ? rows : "";
  return { text: [told, some].filter(Boolean).join(" · "), all: [...named, told].filter(Boolean).join(", ") };
}
