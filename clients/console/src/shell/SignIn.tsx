// Signing in: name and password, and the code of a second factor where the server asks for it.
import { useState } from "react";
import { Refused } from "../api/problems.ts";
import { signIn } from "../api/session.ts";
import { Input } from "../parts/Input.tsx";
import { Problem } from "../parts/states.tsx";
import { To } from "../parts/To.tsx";
import { Card } from "../public/Card.tsx";
import { say } from "../words/say.ts";

export function SignIn() {
  const [form, setForm] = useState({ username: "", password: "", code: "" });
  const [asksCode, setAsksCode] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const put = (name: keyof typeof form) => (value: string) => setForm((old) => ({ ...old, [name]: value }));
  const fail = (failure: unknown) => {
    const needsCode = failure instanceof Refused && failure.code === "second-factor-needed";
    setAsksCode((asked) => asked || needsCode);
    setError(needsCode && !asksCode ? null : failure);
    setBusy(false);
  };
  const submit = () => {
    setBusy(true);
    signIn(form.username, form.password, form.code.trim()).catch(fail);
  };
  return (
    <Card title={say("sign-in.title")} onSubmit={submit}>
      <Input label={say("sign-in.username")} value={form.username} onChange={put("username")} autoComplete="username" autoFocus required />
      <Input label={say("sign-in.password")} value={form.password} onChange={put("password")} type="password" autoComplete="current-password" required />
      {asksCode && <Input label={say("sign-in.code")} value={form.code} onChange={put("code")} autoComplete="one-time-code" autoFocus required />}
      {error !== null && <Problem error={error} />}
      <button type="submit" className="primary" disabled={busy}>{say("sign-in.go")}</button>
      <To place={{ to: "/password-reset" }}>{say("public.lost")}</To>
    </Card>
  );
}
