// An input for a field of any kind.
import type { Field } from "../document/read.ts";
import { choiceLabel } from "../document/labels.ts";
import { Chip, RemovableChip } from "../parts/Chip.tsx";
import { Labelled, type Ids } from "../parts/Input.tsx";
import { Picker } from "../parts/Picker.tsx";
import { say } from "../words/say.ts";

export type FieldInputProps = {
  field: Field;
  value: unknown;
  onChange: (value: unknown) => void;
  names: Record<string, string>;
  onNamed: (id: string, name: string) => void;
  /** The errors of the server by pointer below this field: `""` for the field itself, `/city` for a part. */
  errors: Record<string, string>;
  readOnly?: boolean;
  /** The choices that may follow, where not all may. */
  allowed?: string[] | undefined;
};

const INPUT_TYPES: Partial<Record<Field["kind"], string>> = { date: "date", moment: "datetime-local", email: "email", uri: "url", password: "password" };

/** Local time without zone, as the input wants it, and back. */
const toLocal = (text: string) => {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
};
const fromLocal = (text: string) => (text ? new Date(text).toISOString() : text);

const asText = (value: unknown) => (value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));

/** What an input says, as the API wants it: nothing is null where that is allowed, whole numbers are numbers. */
function fromText({ kind, nullable }: Field, text: string): unknown {
  if (text === "" && nullable) return null;
  if (kind === "moment") return fromLocal(text);
  if (kind === "integer" && /^-?\d{1,15}$/.test(text)) return Number(text);
  return text;
}

export function FieldInput(props: FieldInputProps) {
  const { field, value, errors, readOnly } = props;
  if (field.kind === "group") return <GroupInput {...props} />;
  if (field.kind === "reference" && !readOnly) return <ReferenceInput {...props} />;
  if (field.kind === "references" && !readOnly) return <ReferencesInput {...props} />;
  const isStrange = field.kind === "unknown" && value !== null && typeof value !== "string";
  return (
    <Labelled label={field.label} help={field.help} error={errors[""] ?? ""} required={field.required}>
      {(ids) => <Control {...props} ids={ids} readOnly={Boolean(readOnly) || isStrange} />}
    </Labelled>
  );
}

function Control({ field, value, onChange, ids, readOnly, allowed, names }: FieldInputProps & { ids: Ids }) {
  if (field.kind === "choice") return <Choice {...{ field, value, onChange, ids, allowed }} disabled={Boolean(readOnly)} />;
  if (field.kind === "boolean") {
    return <input {...ids} type="checkbox" role="switch" checked={value === true} disabled={readOnly} onChange={(event) => onChange(event.target.checked)} />;
  }
  if (field.kind === "list") return <Lines {...{ value, onChange, ids }} readOnly={Boolean(readOnly)} />;
  const named = (one: unknown) => names[asText(one)] ?? asText(one);
  const text = field.kind === "moment" ? toLocal(asText(value)) : field.reference ? [value].flat().map(named).join(", ") : asText(value);
  const common = { ...ids, value: text, readOnly, required: field.required, maxLength: field.maxLength };
  if (field.kind === "long") return <textarea {...common} rows={5} onChange={(event) => onChange(fromText(field, event.target.value))} />;
  const mode = field.kind === "integer" ? "numeric" : field.kind === "decimal" || field.kind === "money" ? "decimal" : undefined;
  return <input {...common} inputMode={mode} step={1} type={INPUT_TYPES[field.kind] ?? "text"} onChange={(event) => onChange(fromText(field, event.target.value))} />;
}

type ChoiceProps = Pick<FieldInputProps, "field" | "value" | "onChange" | "allowed"> & { ids: Ids; disabled: boolean };

function Choice({ field, value, onChange, ids, allowed, disabled }: ChoiceProps) {
  const current = asText(value);
  const known = field.choices ?? [];
  const choices = known.includes(current) || !current ? known : [current, ...known];
  return (
    <select {...ids} value={current} disabled={disabled} required={field.required} onChange={(event) => onChange(event.target.value || null)}>
      {(field.nullable || !current) && <option value="">{say("form.unchosen")}</option>}
      {choices.filter((choice) => choice === current || !allowed || allowed.includes(choice)).map((choice) => (
        <option key={choice} value={choice}>{choiceLabel(field, choice)}</option>
      ))}
    </select>
  );
}

function Lines({ value, onChange, ids, readOnly }: { value: unknown; onChange: (value: unknown) => void; ids: Ids; readOnly: boolean }) {
  const lines = Array.isArray(value) ? value : [];
  const isText = lines.every((line) => typeof line === "string");
  if (!isText) return <Chip>{JSON.stringify(value)}</Chip>;
  return <textarea {...ids} readOnly={readOnly} rows={3} value={lines.join("\n")} onChange={(event) => onChange(event.target.value ? event.target.value.split("\n") : [])} />;
}

function GroupInput({ field, value, onChange, errors, ...rest }: FieldInputProps) {
  const parts = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const change = (name: string, part: unknown) => {
    const next = { ...parts, [name]: part };
    const isEmpty = Object.values(next).every((one) => one === null || one === "" || one === undefined);
    onChange(isEmpty && field.nullable ? null : next);
  };
  return (
    <fieldset className="group">
      <legend>{field.label}</legend>
      {errors[""] && <p className="error">{errors[""]}</p>}
      {(field.fields ?? []).map((part) => (
        <FieldInput key={part.name} {...rest} field={{ ...part, required: part.required && value !== null }} value={parts[part.name] ?? null}
          onChange={(next) => change(part.name, next)} errors={{ "": errors[`/${part.name}`] ?? "" }} allowed={undefined} />
      ))}
    </fieldset>
  );
}

function ReferenceInput({ field, value, onChange, names, onNamed, errors }: FieldInputProps) {
  const id = asText(value);
  const pick = (picked: { id: string; name: string } | null) => {
    if (picked) onNamed(picked.id, picked.name);
    onChange(picked?.id ?? null);
  };
  return <Picker slug={field.reference ?? ""} label={field.label} help={field.help} error={errors[""] ?? ""} value={id ? { id, name: names[id] ?? id } : null} onChange={pick} />;
}

function ReferencesInput({ field, value, onChange, names, onNamed, errors }: FieldInputProps) {
  const ids = Array.isArray(value) ? value.map(String) : [];
  const add = (picked: { id: string; name: string } | null) => {
    if (!picked || ids.includes(picked.id)) return;
    onNamed(picked.id, picked.name);
    onChange([...ids, picked.id]);
  };
  return (
    <div>
      <Picker key={ids.join()} slug={field.reference ?? ""} label={field.label} help={field.help} error={errors[""] ?? ""} value={null} onChange={add} />
      <div className="chips">{ids.map((id) => <RemovableChip key={id} label={names[id] ?? id} onRemove={() => onChange(ids.filter((one) => one !== id))} />)}</div>
    </div>
  );
}
