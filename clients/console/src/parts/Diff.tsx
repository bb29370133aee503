// Values before and after, field by field.
import type { ReactNode } from "react";
import { say } from "../words/say.ts";
import { Empty } from "./states.tsx";

export type Change = { name: string; label: ReactNode; before: ReactNode; after: ReactNode };

export function Diff({ changes }: { changes: Change[] }) {
  if (!changes.length) return <Empty>{say("diff.none")}</Empty>;
  return (
    <table className="diff">
      <thead className="visually-hidden">
        <tr><th scope="col">{say("diff.field")}</th><th scope="col">{say("diff.before")}</th><th scope="col">{say("diff.after")}</th></tr>
      </thead>
      <tbody>
        {changes.map(({ name, label, before, after }) => (
          <tr key={name}>
            <th scope="row">{label}</th>
            <td>{before === null ? <i>{say("diff.empty")}</i> : <del>{before}</del>}</td>
            <td>{after === null ? <i>{say("diff.empty")}</i> : <ins>{after}</ins>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
