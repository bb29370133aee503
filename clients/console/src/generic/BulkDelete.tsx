// Deletes the rows that are selected, all or none.
import { useState } from "react";
import { call } from "../api/client.ts";
import { forget } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { Icon } from "../parts/Icon.tsx";
import { toast } from "../parts/toast.tsx";
import { say } from "../words/say.ts";
import { nameOf, type Item } from "./item.ts";

const NAMED = 10;

export function BulkDelete({ resource, rows, onDone }: { resource: Resource; rows: Item[]; onDone: () => void }) {
  const [asking, setAsking] = useState(false);
  const count = rows.length;
  const remove = async (headers: Record<string, string>) => {
    const body = { delete: rows.map(({ id, version }) => ({ id, version })) };
    await call("post", `${resource.path}/bulk`, { body, headers });
    toast(say("list.deleted-done", { count }));
    onDone();
    void forget(resource.path);
  };
  if (!count) return null;
  return (
    <div className="selection" role="status">
      <span>{say("list.selected", { count })}</span>
      <button type="button" className="danger" onClick={() => setAsking(true)}><Icon name="trash" />{say("action.delete")}</button>
      <button type="button" onClick={onDone}>{say("action.clear")}</button>
      {asking && (
        <Confirm title={say("list.bulk-delete", { count })} action={say("action.delete")} danger withReason onClose={() => setAsking(false)} onConfirm={remove}>
          <ul>{rows.slice(0, NAMED).map((item) => <li key={item.id}>{nameOf(resource, item)}</li>)}{count > NAMED && <li>{"…"}</li>}</ul>
        </Confirm>
      )}
    </div>
  );
}
