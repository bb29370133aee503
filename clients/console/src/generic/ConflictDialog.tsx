// "Somebody was faster": theirs and mine, field by field.
import { useState } from "react";
import type { Resource } from "../document/read.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Problem } from "../parts/states.tsx";
import { say } from "../words/say.ts";
import { Value } from "./Value.tsx";
import { conflictsOf, namesIn, type Conflict, type Draft, type Item } from "./item.ts";
import { toggle } from "../parts/toggle.ts";

type ConflictDialogProps = { resource: Resource; theirs: Item; draft: Draft; onClose: () => void; onSave: (draft: Draft) => Promise<void> };

export function ConflictDialog({ resource, theirs, draft, onClose, onSave }: ConflictDialogProps) {
  const conflicts = conflictsOf(resource.update ?? [], theirs, draft);
  const [kept, setKept] = useState<ReadonlySet<string>>(new Set(conflicts.map(({ field }) => field.name)));
  const [error, setError] = useState<unknown>(null);
  const save = () => {
    const mine = Object.fromEntries(Object.entries(draft).filter(([name]) => kept.has(name)));
    if (Object.keys(mine).length) onSave(mine).catch(setError);
    else onClose();
  };
  const actions = (
    <>
      <button type="button" onClick={onClose}>{say("action.cancel")}</button>
      <button type="submit" className="primary">{say("conflict.save")}</button>
    </>
  );
  return (
    <Dialog title={say("conflict.title")} onClose={onClose} onSubmit={save} actions={actions} wide>
      <p>{say("conflict.help", { version: String(theirs.version ?? "") })}</p>
      {conflicts.map((conflict) => (
        <Choice key={conflict.field.name} conflict={conflict} names={namesIn(theirs)} mine={kept.has(conflict.field.name)}
          onChange={() => setKept(toggle(kept, conflict.field.name))} />
      ))}
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}

type ChoiceProps = { conflict: Conflict; names: Record<string, string>; mine: boolean; onChange: () => void };

function Choice({ conflict: { field, theirs, mine: own }, names, mine, onChange }: ChoiceProps) {
  const option = (label: string, value: unknown, checked: boolean) => (
    <label>
      <input type="radio" name={field.name} checked={checked} onChange={onChange} />
      <span><b>{label}</b><Value field={field} value={value} names={names} /></span>
    </label>
  );
  return (
    <fieldset className="choice">
      <legend>{field.label}</legend>
      {option(say("conflict.theirs"), theirs, !mine)}
      {option(say("conflict.mine"), own, mine)}
    </fieldset>
  );
}
