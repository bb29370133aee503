// The combobox of a picker, over the `q` of a list operation. It is a file of its own, since it is the heaviest part.
import { useEffect, useRef, useState } from "react";
import { Button, ComboBox, Input, Label, ListBox, ListBoxItem, Popover, Text, type Key } from "react-aria-components";
import { useRead, useResource, type Page } from "../api/queries.ts";
import { say } from "../words/say.ts";
import { Icon } from "./Icon.tsx";
import type { Begun, Picked, PickerProps } from "./Picker.tsx";

type Item = Record<string, unknown> & { id: string };

const PAUSE_MS = 200;

function useSlow(text: string): string {
  const [slow, setSlow] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return slow;
}

/** The items of a resource that match what was typed, with their names. */
function useMatches(slug: string, text: string, enabled: boolean): Picked[] | undefined {
  const resource = useResource(slug);
  const q = useSlow(text.trim());
  const path = resource && enabled ? resource.path : null;
  const { data } = useRead<Page<Item>>(path, { limit: 20, ...(q && { q }) });
  return data?.items.map((item) => ({ id: item.id, name: String(item[resource?.title ?? "id"] ?? item.id) }));
}

/** A modal dialog makes everything outside of it inert, so that the choices open inside of it. */
function containedIn(place: HTMLElement | null) {
  const dialog = place?.closest("dialog");
  return dialog && { UNSTABLE_portalContainer: dialog };
}

export default function Combobox({ slug, label, help, error, value, onChange, begun }: PickerProps & { begun: Begun }) {
  const [text, setText] = useState(begun.text ?? value?.name ?? "");
  const [open, setOpen] = useState(false);
  const [place, setPlace] = useState<HTMLElement | null>(null);
  const shown = useRef(value?.name ?? "");
  useEffect(() => {
    if (shown.current !== (value?.name ?? "")) setText(value?.name ?? "");
    shown.current = value?.name ?? "";
  }, [value?.id, value?.name]);
  const matches = useMatches(slug, text === value?.name ? "" : text, open);
  const pick = (key: Key | null) => {
    const found = matches?.find(({ id }) => id === key);
    if (found && found.id !== value?.id) onChange(found);
    if (found) setText(found.name);
  };
  const leave = () => {
    if (text === "" && value) onChange(null);
    else setText(value?.name ?? "");
  };
  return (
    <ComboBox ref={setPlace} className="field picker" items={matches ?? []} inputValue={text} onInputChange={setText} onOpenChange={setOpen}
      selectedKey={value?.id ?? null} onSelectionChange={pick} onBlur={leave} menuTrigger="focus" allowsEmptyCollection allowsCustomValue
      isInvalid={Boolean(error)} autoFocus={begun.hasFocus}>
      <Label>{label}</Label>
      <div className="combo">
        <Input placeholder={say("picker.placeholder")} />
        <Button aria-label={say("picker.open")}><Icon name="chevron-down" /></Button>
      </div>
      {error && <p className="error">{error}</p>}
      {help && <Text slot="description" className="help">{help}</Text>}
      <Popover className="popover" {...containedIn(place)}>
        <ListBox renderEmptyState={() => <p className="state">{matches ? say("picker.empty") : say("picker.loading")}</p>}>
          {(item: Picked) => <ListBoxItem className="option">{item.name}</ListBoxItem>}
        </ListBox>
      </Popover>
    </ComboBox>
  );
}
