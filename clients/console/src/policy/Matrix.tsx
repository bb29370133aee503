// What does each role grant? Roles × modules; edits are tried before they are made.
import { useState } from "react";
import { useMay, useRead, type Page } from "../api/queries.ts";
import { useAddress, valueOf } from "../parts/address.ts";
import { RemovableChip } from "../parts/Chip.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Answered, Empty } from "../parts/states.tsx";
import { Heading, Toolbar } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { Consequences } from "./Consequences.tsx";
import { MatrixTable } from "./MatrixTable.tsx";
import { countEdits, edit, NO_EDITS, toBody, type Draft, type Grant, type Row } from "./matrix.ts";
import { useModules } from "./modules.ts";

const ROLES = { limit: 100, sort: "sort_order" };

export default function Matrix() {
  const [search] = useAddress();
  const role = valueOf(search, "role");
  const q = valueOf(search, "q");
  const page = useRead<Page<Row>>("/api/v1/roles/matrix", { ...ROLES, ...(role && { id: role }), ...(q && { q }) });
  return (
    <>
      <Heading title={say("matrix.title")} note={say("matrix.note")} />
      <Answered to={page}>{({ items, next_cursor }) => <Loaded rows={items} isPart={next_cursor !== null} />}</Answered>
    </>
  );
}

function Loaded({ rows, isPart }: { rows: Row[]; isPart: boolean }) {
  const [search] = useAddress();
  const may = useMay();
  const [draft, setDraft] = useState<Draft>(NO_EDITS);
  const only = valueOf(search, "module");
  const modules = useModules(rows).filter(({ slug }) => !only || slug === only);
  const change = (row: Row, slug: string, grant: Grant | null) => setDraft((old) => edit(old, row, slug, grant));
  return (
    <>
      <Tools rows={rows} draft={draft} onDraft={setDraft} />
      {isPart && <p className="callout">{say("matrix.part", { count: rows.length })}</p>}
      {rows.length ? <MatrixTable rows={rows} modules={modules} draft={draft} {...(may("roles:update") && { onChange: change })} /> : <Empty>{say("matrix.empty")}</Empty>}
      <Legend />
    </>
  );
}

function Tools({ rows, draft, onDraft }: { rows: Row[]; draft: Draft; onDraft: (draft: Draft) => void }) {
  const [search, change] = useAddress();
  const [trying, setTrying] = useState(false);
  const count = countEdits(draft);
  const role = rows.find(({ role_id }) => role_id === search.role);
  return (
    <Toolbar label={say("matrix.title")}>
      <input type="search" aria-label={say("matrix.search")} placeholder={say("matrix.search")} defaultValue={valueOf(search, "q")}
        onChange={(event) => change({ q: event.target.value.trim() || undefined })} />
      {search.role && <RemovableChip label={role?.role_name ?? say("matrix.one-role")} onRemove={() => change({ role: undefined })} />}
      {search.module && <RemovableChip label={valueOf(search, "module")} onRemove={() => change({ module: undefined })} />}
      <span className="gap" />
      {count > 0 && <span className="count" role="status">{say("matrix.edits", { count })}</span>}
      {count > 0 && <button type="button" onClick={() => onDraft(NO_EDITS)}>{say("form.undo")}</button>}
      {count > 0 && <button type="button" className="primary" onClick={() => setTrying(true)}><Icon name="scale" />{say("effects.ask")}</button>}
      {trying && (
        <Consequences title={say("effects.title")} action={say("effects.apply")} change={{ method: "patch", path: "/api/v1/roles/matrix", body: toBody(rows, draft) }}
          onClose={() => setTrying(false)} onDone={() => onDraft(NO_EDITS)} />
      )}
    </Toolbar>
  );
}

function Legend() {
  const item = (letter: string, text: string) => <div key={letter}><dt>{letter}</dt><dd>{text}</dd></div>;
  return (
    <dl className="legend-of-grants">
      {item(say("matrix.short.read"), say("permission.read"))}
      {item(say("matrix.short.create"), say("permission.create"))}
      {item(say("matrix.short.update"), say("permission.update"))}
      {item(say("matrix.short.delete"), say("permission.delete"))}
      {item(say("matrix.short.audit"), say("permission.audit"))}
    </dl>
  );
}
