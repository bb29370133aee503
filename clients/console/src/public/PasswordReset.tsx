// A person who lost the password asks for a mail, and sets another one by its link.
import { useState } from "react";
import { api, data } from "../api/client.ts";
import { Input } from "../parts/Input.tsx";
import { Problem } from "../parts/states.tsx";
import { say } from "../words/say.ts";
import { Card, Over } from "./Card.tsx";
import { ChoosePassword } from "./ChoosePassword.tsx";
import { dropToken, useToken } from "./token.ts";
import { useSending } from "./useSending.ts";

export default function PasswordReset() {
  const token = useToken();
  const title = say("public.reset");
  const accept = (new_password: string) => data(api.POST("/api/v1/auth/password-reset/confirm", { body: { token, new_password } }));
  const over = (
    <Over title={title} text={say("public.reset-over")}>
      <button type="button" className="primary" autoFocus onClick={dropToken}>{say("public.ask-again")}</button>
    </Over>
  );
  return token ? <ChoosePassword key={token} title={title} accept={accept} over={over} /> : <AskForMail title={title} />;
}

/** The answer is the same whether there is such an account, and so are the words. */
function AskForMail({ title }: { title: string }) {
  const [username, setUsername] = useState("");
  const { busy, done, error, send } = useSending();
  if (done) return <Card title={title}><p role="status">{say("public.mail-sent")}</p></Card>;
  return (
    <Card title={title} onSubmit={() => send(() => data(api.POST("/api/v1/auth/password-reset", { body: { username } })))}>
      <Input label={say("public.name-or-address")} help={say("public.ask-help")} value={username} onChange={setUsername} autoComplete="username" maxLength={320} autoFocus required />
      {error !== null && <Problem error={error} />}
      <button type="submit" className="primary" disabled={busy}>{say("public.ask")}</button>
    </Card>
  );
}
