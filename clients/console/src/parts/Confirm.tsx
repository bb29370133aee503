// Asks before something is done, where useful with a reason that the audit log keeps.
import { useState, type ReactNode } from "react";
import { say } from "../words/say.ts";
import { Dialog } from "./Dialog.tsx";
import { Input } from "./Input.tsx";
import { Problem } from "./states.tsx";

type ConfirmProps = {
  title: string;
  action: string;
  danger?: boolean;
  /** Asks for a reason; `required` where the server does nothing without one. */
  withReason?: boolean | "required";
  /** Whether it cannot be done, or not yet. */
  disabled?: boolean;
  onClose: () => void;
  /** What is done; the dialog stays open with the problem when it fails. `headers` carry the reason. */
  onConfirm: (headers: Record<string, string>) => Promise<unknown>;
  children?: ReactNode;
};

/** The header with the reason of a change, in UTF-8: headers hold bytes. */
export function auditReason(reason: string): Record<string, string> {
  const bytes = new TextEncoder().encode(reason.trim());
  return bytes.length ? { "Audit-Reason": String.fromCharCode(...bytes) } : {};
}

export function Confirm({ title, action, danger, withReason, disabled = false, onClose, onConfirm, children }: ConfirmProps) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const confirm = () => {
    setBusy(true);
    onConfirm(auditReason(reason)).then(onClose, (failure: unknown) => (setError(failure), setBusy(false)));
  };
  const actions = (
    <>
      <button type="button" onClick={onClose}>{say("action.cancel")}</button>
      <button type="submit" className={danger ? "danger" : "primary"} disabled={busy || disabled}>{action}</button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} onSubmit={confirm} actions={actions}>
      {children}
      {withReason && <Input label={say("reason.label")} help={say("reason.help")} value={reason} onChange={setReason} required={withReason === "required"} />}
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}
