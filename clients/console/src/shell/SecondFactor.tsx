// Setting up a second factor: password, key, code, recovery codes.
import { useState, type FormEvent } from "react";
import { api, data } from "../api/client.ts";
import { queries, type Schemas } from "../api/queries.ts";
import { Input } from "../parts/Input.tsx";
import { Problem } from "../parts/states.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { QrCode } from "./QrCode.tsx";

export default function SecondFactor() {
  const [text, setText] = useState("");
  const [enrolment, setEnrolment] = useState<Schemas["Enrolment"] | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const step = async () => {
    if (!enrolment) setEnrolment(await data(api.POST("/api/v1/auth/me/second-factor", { body: { current_password: text } })));
    else setCodes((await data(api.POST("/api/v1/auth/me/second-factor/confirm", { body: { code: text } }))).recovery_codes);
    setText("");
    setError(null);
    if (enrolment) void queries.invalidateQueries();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    step().catch(setError);
  };
  if (codes) return <Codes codes={codes} />;
  return (
    <>
      <Heading title={say("second-factor.title")} />
      <form className="narrow" onSubmit={submit}>
        <p>{say(enrolment ? "second-factor.secret" : "second-factor.required")}</p>
        {enrolment && <QrCode text={enrolment.provisioning_uri} label={say("second-factor.picture")} />}
        {enrolment && <p className="secret"><code>{enrolment.secret}</code><a href={enrolment.provisioning_uri}>{say("second-factor.open")}</a></p>}
        <Input key={enrolment ? "code" : "password"} label={say(enrolment ? "second-factor.code" : "sign-in.password")} type={enrolment ? "text" : "password"}
          autoComplete={enrolment ? "one-time-code" : "current-password"} value={text} onChange={setText} required />
        {error !== null && <Problem error={error} />}
        <button type="submit" className="primary">{say(enrolment ? "second-factor.confirm" : "second-factor.begin")}</button>
      </form>
    </>
  );
}

const Codes = ({ codes }: { codes: string[] }) => (
  <>
    <Heading title={say("second-factor.enrolled")} />
    <p>{say("second-factor.codes")}</p>
    <ul className="codes">{codes.map((code) => <li key={code}><code>{code}</code></li>)}</ul>
  </>
);
