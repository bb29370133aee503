// The head of a screen: its name, its actions, and below it a line of tools.
import type { ReactNode } from "react";

export function Heading({ title, note, children }: { title: ReactNode; note?: ReactNode; children?: ReactNode }) {
  return (
    <header className="heading">
      <h1>{title}</h1>
      {note && <div className="note">{note}</div>}
      <div className="actions">{children}</div>
    </header>
  );
}

export const Toolbar = ({ label, children }: { label: string; children: ReactNode }) => (
  <div className="toolbar" role="toolbar" aria-label={label}>{children}</div>
);
