// A new password, also where the account asks for one before anything else.
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api, data } from "../api/client.ts";
import { me, queries } from "../api/queries.ts";
import { useGo } from "../parts/address.ts";
import { Input } from "../parts/Input.tsx";
import { Problem } from "../parts/states.tsx";
import { toast } from "../parts/toast.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";

export default function Password() {
  const [form, setForm] = useState({ current_password: "", new_password: "" });
  const [error, setError] = useState<unknown>(null);
  const { data: person } = useQuery(me);
  const go = useGo();
  const done = () => {
    toast(say("password.done"));
    void queries.invalidateQueries();
    go("/");
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    data(api.POST("/api/v1/auth/me/password", { body: form })).then(done, setError);
  };
  const put = (name: keyof typeof form) => (value: string) => setForm({ ...form, [name]: value });
  return (
    <>
      <Heading title={say("password.title")} />
      <form className="narrow" onSubmit={submit}>
        {person?.must_change_password && <p>{say("password.required")}</p>}
        <Input label={say("password.current")} type="password" autoComplete="current-password" value={form.current_password} onChange={put("current_password")} required />
        <Input label={say("password.new")} help={say("password.new-help")} type="password" autoComplete="new-password" minLength={12} maxLength={128}
          value={form.new_password} onChange={put("new_password")} required />
        {error !== null && <Problem error={error} />}
        <button type="submit" className="primary">{say("password.title")}</button>
      </form>
    </>
  );
}
