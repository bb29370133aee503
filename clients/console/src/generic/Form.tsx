// The form of an item. It sends what was changed, and nothing else.
import { useState, type FormEvent } from "react";
import { Refused } from "../api/problems.ts";
import { useMay } from "../api/queries.ts";
import type { Field } from "../document/read.ts";
import { Problem } from "../parts/states.tsx";
import { say } from "../words/say.ts";
import { useMayPick } from "./allowed.ts";
import { FieldInput } from "./FieldInput.tsx";
import { namesIn, put, valueIn, type Draft, type Item } from "./item.ts";

type FormProps = {
  fields: Field[];
  item: Item | null;
  action: string;
  readOnly?: boolean;
  /** The choices that may follow the present one, by field. */
  allowed?: Record<string, string[] | undefined>;
  /** Saves what was changed; what it throws is shown at the fields. */
  onSave: (draft: Draft) => Promise<void>;
};

const BODY = "/body/";

/** The errors of one field, by the rest of their pointers. */
function errorsAt(error: unknown, name: string): Record<string, string> {
  const all = error instanceof Refused ? error.errors : [];
  const own = all.filter(({ pointer }) => pointer === BODY + name || pointer.startsWith(`${BODY}${name}/`));
  return Object.fromEntries(own.map(({ pointer, detail }) => [pointer.slice((BODY + name).length), detail]));
}

export function Form({ fields, item, action, readOnly = false, allowed = {}, onSave }: FormProps) {
  const [draft, setDraft] = useState<Draft>({});
  const [picked, setPicked] = useState<Record<string, string>>({});
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const may = useMay();
  const mayPick = useMayPick();
  const names = { ...namesIn(item), ...picked };
  const isFixed = (field: Field) => readOnly || !mayPick(field) || [field.writeAction, field.readAction].some((needed) => needed && !may(needed));
  const save = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    onSave(draft).then(() => setDraft({}), setError).finally(() => setBusy(false));
  };
  const input = (field: Field) => {
    const before = valueIn(item, field);
    return (
      <FieldInput key={field.name} field={field} value={field.name in draft ? draft[field.name] : before} names={names}
        onNamed={(id, name) => setPicked((old) => ({ ...old, [id]: name }))} readOnly={isFixed(field)} allowed={allowed[field.name]}
        onChange={(value) => setDraft((old) => put(old, field, value, before))} errors={errorsAt(error, field.name)} />
    );
  };
  const changed = Object.keys(draft).length;
  return (
    <form className="item-form" onSubmit={save} noValidate={false}>
      {fields.map(input)}
      {error !== null && <FormProblem error={error} />}
      {!readOnly && (
        <footer className="form-actions">
          <button type="submit" className="primary" disabled={busy || (!changed && item !== null)}>{action}</button>
          {changed > 0 && item && <button type="button" onClick={() => (setDraft({}), setError(null))}>{say("form.undo")}</button>}
        </footer>
      )}
    </form>
  );
}

function FormProblem({ error }: { error: unknown }) {
  const atFields = error instanceof Refused ? error.errors.filter(({ pointer }) => pointer.startsWith(BODY)).length : 0;
  return atFields ? <p className="state failed" role="alert">{say("form.invalid", { count: atFields })}</p> : <Problem error={error} />;
}
