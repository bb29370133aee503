// Chips: a state of an item, or a filter that can be taken away.
import type { ReactNode } from "react";
import { say } from "../words/say.ts";
import { Icon } from "./Icon.tsx";

export type Tone = "plain" | "good" | "warn" | "bad" | "info";

export const Chip = ({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) => <span className={`chip ${tone}`}>{children}</span>;

export function RemovableChip({ label, onRemove, onEdit }: { label: string; onRemove: () => void; onEdit?: () => void }) {
  return (
    <span className="chip info">
      {onEdit ? <button type="button" onClick={onEdit}>{label}</button> : label}
      <button type="button" aria-label={say("picker.clear", { name: label })} onClick={onRemove}><Icon name="x" /></button>
    </span>
  );
}
