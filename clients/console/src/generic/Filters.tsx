// The filters of a list, from its parameters: chips for those in the address, a sheet to set them.
import { useState } from "react";
import { useRead, useResource, type Page } from "../api/queries.ts";
import type { Filter, Resource } from "../document/read.ts";
import { choiceLabel } from "../document/labels.ts";
import { useAddress, valueOf, valuesOf, type Search } from "../parts/address.ts";
import { RemovableChip } from "../parts/Chip.tsx";
import { Sheet } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Input } from "../parts/Input.tsx";
import { Picker } from "../parts/Picker.tsx";
import { toggle } from "../parts/toggle.ts";
import { formatDay, formatMoment } from "../words/format.ts";
import { say } from "../words/say.ts";
import { useMayPick } from "./allowed.ts";
import type { Item } from "./item.ts";
import { isActive, namesOfFilter } from "./list.ts";

const cleared = (filter: Filter): Search => Object.fromEntries([...namesOfFilter(filter.name), "cursor"].map((name) => [name, undefined]));

export function FilterButton({ resource }: { resource: Resource }) {
  const [open, setOpen] = useState(false);
  const [search, change] = useAddress();
  const mayPick = useMayPick();
  const filters = resource.filters.filter(({ field }) => mayPick(field));
  if (!filters.length) return null;
  const clear = () => change(Object.assign({}, ...resource.filters.map(cleared)) as Search);
  const actions = (
    <>
      <button type="button" onClick={clear}>{say("action.clear")}</button>
      <button type="submit" className="primary">{say("action.close")}</button>
    </>
  );
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}><Icon name="funnel" />{say("filter.title")}</button>
      {open && (
        <Sheet title={say("filter.title")} onClose={() => setOpen(false)} onSubmit={() => setOpen(false)} actions={actions}>
          {filters.map((filter) => (
            <Editor key={filter.name} filter={filter} search={search} onChange={(changes) => change({ ...changes, cursor: undefined })} />
          ))}
        </Sheet>
      )}
    </>
  );
}

type Names = Record<string, string>;

/** `known`: names of ids that the screen has read anyway. */
export function ActiveFilters({ resource, known = {} }: { resource: Resource; known?: Names }) {
  const [search, change] = useAddress();
  const active = resource.filters.filter(({ name }) => isActive(search, name));
  if (!active.length) return null;
  return (
    <div className="chips" role="group" aria-label={say("filter.active")}>
      {active.map((filter) => <ActiveFilter key={filter.name} filter={filter} search={search} known={known} onRemove={() => change(cleared(filter))} />)}
    </div>
  );
}

type ActiveFilterProps = { filter: Filter; search: Search; known: Names; onRemove: () => void };

function ActiveFilter({ filter, search, known, onRemove }: ActiveFilterProps) {
  const names = { ...known, ...useNames(filter, search) };
  return <RemovableChip label={say("filter.set", { name: filter.field.label, value: describe(filter, search, names) })} onRemove={onRemove} />;
}

/** The names of the references that a filter holds. */
function useNames({ field, name }: Filter, search: Search): Record<string, string> {
  const resource = useResource(field.reference ?? "");
  const mayPick = useMayPick();
  const ids = field.reference && mayPick(field) ? valuesOf(search, name) : [];
  const { data } = useRead<Page<Item>>(resource && ids.length ? resource.path : null, { id: ids });
  return Object.fromEntries((data?.items ?? []).map((item) => [item.id, String(item[resource?.title ?? "id"])]));
}

function describe({ field, name, shape }: Filter, search: Search, names: Record<string, string>): string {
  const word = (value: string) => {
    if (field.kind === "choice") return choiceLabel(field, value);
    if (field.kind === "boolean") return say(value === "true" ? "value.yes" : "value.no");
    if (field.kind === "date") return formatDay(value);
    if (field.kind === "moment") return formatMoment(value);
    return names[value] ?? value;
  };
  const exact = valuesOf(search, name).map(word).join(", ");
  const none = valueOf(search, `${name}_null`);
  if (none) return say(none === "true" ? "filter.none" : "filter.some");
  if (shape !== "range" || exact) return exact;
  return `${[valueOf(search, `${name}_gte`), valueOf(search, `${name}_lt`)].map((one) => (one ? word(one) : "…")).join(" – ")}`;
}

type EditorProps = { filter: Filter; search: Search; onChange: (changes: Search) => void };

function Editor({ filter, search, onChange }: EditorProps) {
  const { field, name, shape } = filter;
  const one = valueOf(search, name);
  const put = (value: string) => onChange({ [name]: value || undefined });
  if (shape === "range") return <Range filter={filter} search={search} onChange={onChange} />;
  if (field.reference) return <ReferenceEditor filter={filter} search={search} onChange={onChange} />;
  if (field.kind === "choice") return <Choices filter={filter} search={search} onChange={onChange} />;
  if (field.kind !== "boolean") return <TextEditor key={one} label={field.label} value={one} onChange={put} />;
  return (
    <div className="field">
      <label htmlFor={`filter-${name}`}>{field.label}</label>
      <select id={`filter-${name}`} value={one} onChange={(event) => put(event.target.value)}>
        <option value="">{say("filter.any")}</option>
        <option value="true">{say("value.yes")}</option>
        <option value="false">{say("value.no")}</option>
      </select>
    </div>
  );
}

/** A text is asked for once it is complete: half an id is none. */
function TextEditor({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  const done = () => text.trim() !== value && onChange(text.trim());
  return <Input label={label} value={text} onChange={setText} onBlur={done} onKeyDown={({ key }) => key === "Enter" && done()} />;
}

function Choices({ filter: { field, name }, search, onChange }: EditorProps) {
  const chosen: ReadonlySet<string> = new Set(valuesOf(search, name));
  return (
    <fieldset className="options">
      <legend>{field.label}</legend>
      {(field.choices ?? []).map((choice) => (
        <label key={choice}>
          <input type="checkbox" checked={chosen.has(choice)} onChange={() => onChange({ [name]: [...toggle(chosen, choice)] })} />{choiceLabel(field, choice)}
        </label>
      ))}
    </fieldset>
  );
}

function ReferenceEditor({ filter, search, onChange }: EditorProps) {
  const names = useNames(filter, search);
  const [id] = valuesOf(search, filter.name);
  return (
    <Picker slug={filter.field.reference ?? ""} label={filter.field.label} value={id ? { id, name: names[id] ?? id } : null}
      onChange={(picked) => onChange({ [filter.name]: picked?.id })} />
  );
}

function Range({ filter: { field, name }, search, onChange }: EditorProps) {
  const isMoment = field.kind === "moment";
  const type = isMoment || field.kind === "date" ? "date" : "text";
  const shown = (value: string) => (isMoment ? value.slice(0, 10) : value);
  const asked = (value: string) => (value && isMoment ? new Date(`${value}T00:00:00`).toISOString() : value) || undefined;
  const side = (end: string, label: string) => (
    <Input label={label} type={type} value={shown(valueOf(search, `${name}${end}`))} onChange={(value) => onChange({ [`${name}${end}`]: asked(value) })} />
  );
  return (
    <fieldset className="range">
      <legend>{field.label}</legend>
      {side("_gte", say("filter.from"))}
      {side("_lt", say("filter.to"))}
    </fieldset>
  );
}
