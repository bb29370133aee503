// Dialogs and sheets on the platform's <dialog>: it holds the focus and gives it back.
import { useId, useLayoutEffect, useRef, type FormEvent, type ReactNode } from "react";
import { say } from "../words/say.ts";
import { Icon } from "./Icon.tsx";

type DialogProps = {
  title: string;
  onClose: () => void;
  /** With it the dialog is a form, and `actions` hold a submit button. */
  onSubmit?: () => void;
  actions?: ReactNode;
  sheet?: boolean;
  wide?: boolean;
  children: ReactNode;
};

/** A modal dialog, open as long as it is rendered: `{open && <Dialog …>}`. */
export function Dialog({ title, onClose, onSubmit, actions, sheet = false, wide = false, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => { // before the element goes: only then the platform gives the focus back
    const dialog = ref.current;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>("[data-autofocus], input, select, textarea")?.focus();
    return () => dialog?.close();
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    onSubmit?.();
  };
  const kind = `${sheet ? "sheet" : "dialog"}${wide ? " wide" : ""}`;
  return (
    <dialog ref={ref} className={kind} aria-labelledby={id} onCancel={(event) => (event.preventDefault(), onClose())}>
      <form onSubmit={submit}>
        <header>
          <h2 id={id} tabIndex={-1}>{title}</h2>
          <button type="button" className="quiet" aria-label={say("action.close")} onClick={onClose}>
            <Icon name="x" />
          </button>
        </header>
        <div className="dialog-body">{children}</div>
        {actions && <footer>{actions}</footer>}
      </form>
    </dialog>
  );
}

export const Sheet = (props: Omit<DialogProps, "sheet">) => <Dialog {...props} sheet />;
