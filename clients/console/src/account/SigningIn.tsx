// The password and the second factor.
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { api, data } from "../api/client.ts";
import { forget, useRead, type Schemas } from "../api/queries.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Answered } from "../parts/states.tsx";
import { formatMoment } from "../words/format.ts";
import { say } from "../words/say.ts";

const PATH = "/api/v1/auth/me/second-factor";

export function SigningIn() {
  const state = useRead<Schemas["SecondFactorRead"]>(PATH);
  return (
    <section className="panel" aria-labelledby="signing-in">
      <h2 id="signing-in">{say("account.sign-in")}</h2>
      <p><Link to="/me/password" className="button"><Icon name="key-round" />{say("password.title")}</Link></p>
      <Answered to={state}>{(factor) => (factor.enrolled ? <Active factor={factor} /> : <Inactive />)}</Answered>
    </section>
  );
}

const Inactive = () => (
  <>
    <p>{say("factor.off")}</p>
    <p><Link to="/me/second-factor" className="button"><Icon name="fingerprint-pattern" />{say("second-factor.begin")}</Link></p>
  </>
);

function Active({ factor }: { factor: Schemas["SecondFactorRead"] }) {
  const [asking, setAsking] = useState<"codes" | "remove" | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const close = () => setAsking(null);
  const renew = async () => setCodes((await data(api.POST("/api/v1/auth/me/second-factor/recovery-codes"))).recovery_codes);
  const remove = async () => {
    await data(api.DELETE("/api/v1/auth/me/second-factor"));
    await forget(PATH);
  };
  return (
    <>
      <p>{say("factor.on", { since: formatMoment(factor.confirmed_at ?? "") })} {say("factor.codes-left", { count: factor.recovery_codes_left })}</p>
      <footer className="form-actions">
        <button type="button" onClick={() => setAsking("codes")}>{say("factor.new-codes")}</button>
        <button type="button" onClick={() => setAsking("remove")}>{say("factor.remove")}</button>
      </footer>
      {asking === "codes" && <Confirm title={say("factor.new-codes")} action={say("factor.new-codes")} onClose={close} onConfirm={renew}><p>{say("factor.new-codes-help")}</p></Confirm>}
      {asking === "remove" && <Confirm title={say("factor.remove")} action={say("factor.remove")} danger onClose={close} onConfirm={remove}><p>{say("factor.remove-help")}</p></Confirm>}
      {codes && (
        <Dialog title={say("factor.new-codes")} onClose={() => (setCodes(null), void forget(PATH))}>
          <p>{say("second-factor.codes")}</p>
          <ul className="codes">{codes.map((code) => <li key={code}><code>{code}</code></li>)}</ul>
        </Dialog>
      )}
    </>
  );
}
