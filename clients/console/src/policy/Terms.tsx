// The terms of an assignment: from when, until when, why.
import { Input } from "../parts/Input.tsx";
import { say } from "../words/say.ts";

export type TermsDraft = { from: string; until: string; reason: string };
export const NO_TERMS: TermsDraft = { from: "", until: "", reason: "" };

const instant = (local: string) => (local ? new Date(local).toISOString() : null);

/** An instant as the input of a browser wants it, in local time. */
export function toLocal(at: string | null): string {
  if (!at) return "";
  const date = new Date(at);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Terms as the API has them. */
export const toTerms = ({ from, until, reason }: TermsDraft) => ({ valid_from: instant(from), valid_until: instant(until), reason: reason.trim() || null });

export function TermsFields({ terms, onChange }: { terms: TermsDraft; onChange: (terms: TermsDraft) => void }) {
  const put = (name: keyof TermsDraft) => (value: string) => onChange({ ...terms, [name]: value });
  return (
    <>
      <div className="range">
        <Input label={say("roles.from")} help={say("roles.from-help")} type="datetime-local" value={terms.from} onChange={put("from")} />
        <Input label={say("roles.until")} help={say("roles.until-help")} type="datetime-local" value={terms.until} onChange={put("until")} />
      </div>
      <Input label={say("reason.label")} help={say("roles.reason-help")} value={terms.reason} onChange={put("reason")} maxLength={500} />
    </>
  );
}
