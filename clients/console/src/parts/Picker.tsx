// Picks an item of a list by typing. The combobox is loaded once a field is used: it is as heavy as a screen.
import { useRef, useState, type ComponentType } from "react";
import { say } from "../words/say.ts";
import { Icon } from "./Icon.tsx";
import { Labelled } from "./Input.tsx";

export type Picked = { id: string; name: string };
export type PickerProps = {
  /** The resource to pick from, by its slug. */
  slug: string;
  label: string;
  help?: string;
  error?: string;
  value: Picked | null;
  onChange: (value: Picked | null) => void;
};

/** The combobox, once it is loaded. */
let loaded: ComponentType<PickerProps & { begun: Begun }> | null = null;

/** What was begun in the field before the combobox was there. */
export type Begun = { hasFocus: boolean; text: string | null };

export function Picker(props: PickerProps) {
  const [Combobox, setCombobox] = useState(() => loaded);
  const begun = useRef<Begun>({ hasFocus: false, text: null });
  const load = async () => {
    loaded = (await import("./Combobox.tsx")).default;
    setCombobox(() => loaded);
  };
  return Combobox ? <Combobox {...props} begun={begun.current} /> : <Field {...props} begun={begun.current} onUse={() => void load()} />;
}

function Field({ label, help, error, value, begun, onUse }: PickerProps & { begun: Begun; onUse: () => void }) {
  const focus = () => {
    begun.hasFocus = true;
    onUse();
  };
  return (
    <Labelled label={label} help={help} error={error}>
      {(ids) => (
        <div className="combo">
          <input {...ids} role="combobox" aria-expanded={false} autoComplete="off" placeholder={say("picker.placeholder")} defaultValue={begun.text ?? value?.name ?? ""}
            key={value?.name} onPointerEnter={onUse} onFocus={focus} onBlur={() => { begun.hasFocus = false; }} onChange={({ target }) => { begun.text = target.value; }} />
          <button type="button" tabIndex={-1} aria-label={say("picker.open")} onClick={focus}><Icon name="chevron-down" /></button>
        </div>
      )}
    </Labelled>
  );
}
