// A password that a person chooses by the link of a mail. Any session of this browser ends, so that the new one is used.
import { useState, type ReactNode } from "react";
import { Refused } from "../api/problems.ts";
import { signOut } from "../api/session.ts";
import { Input } from "../parts/Input.tsx";
import { Problem } from "../parts/states.tsx";
import { say, sayIfKnown } from "../words/say.ts";
import { Card, Done, isOver } from "./Card.tsx";
import { useSending } from "./useSending.ts";

const AT_PASSWORD = "/body/new_password";

type ChooseProps = {
  title: string;
  accept: (password: string) => Promise<unknown>;
  /** What is shown instead where the link does nothing any more. */
  over: ReactNode;
};

export function ChoosePassword({ title, accept, over }: ChooseProps) {
  const [password, setPassword] = useState("");
  const { busy, done, error, send } = useSending();
  const weakness = error instanceof Refused ? error.errors.find(({ pointer }) => pointer === AT_PASSWORD) : undefined;
  const submit = () => send(() => accept(password).then(() => signOut().catch(() => undefined)));
  if (isOver(error)) return over;
  if (done) return <Done title={say("public.password-set")} text={say("public.password-set-help")} />;
  return (
    <Card title={title} onSubmit={submit}>
      <Input label={say("password.new")} help={say("password.new-help")} error={weakness && sayIfKnown(`weak.${weakness.code}`, weakness.detail)} type="password"
        autoComplete="new-password" minLength={12} maxLength={128} value={password} onChange={setPassword} autoFocus required />
      {error !== null && !weakness && <Problem error={error} />}
      <button type="submit" className="primary" disabled={busy}>{say("public.set-password")}</button>
    </Card>
  );
}
