// The names and the e-mail address of the person, and the language of mails; only what was changed is sent.
import { useState, type FormEvent } from "react";
import { api, data, ifMatch } from "../api/client.ts";
import { me, queries, type Schemas } from "../api/queries.ts";
import { Input, Labelled } from "../parts/Input.tsx";
import { Problem } from "../parts/states.tsx";
import { toast } from "../parts/toast.tsx";
import { say } from "../words/say.ts";

type Language = Schemas["ProfileUpdate"]["language"];
const LANGUAGES = ["en", "de"] as const satisfies Language[];

export function Profile({ person }: { person: Schemas["UserRead"] }) {
  const before = { first_name: person.first_name ?? "", last_name: person.last_name ?? "", email: person.email, language: person.language ?? "" };
  const [form, setForm] = useState(before);
  const [password, setPassword] = useState("");
  const [error, setError] = useState<unknown>(null);
  const put = (name: keyof typeof form) => (value: string) => setForm({ ...form, [name]: value });
  const isNewEmail = form.email !== before.email;
  const isChanged = Object.entries(before).some(([name, value]) => form[name as keyof typeof form] !== value);
  const save = async () => {
    const body = {
      ...(form.first_name !== before.first_name && { first_name: form.first_name || null }),
      ...(form.last_name !== before.last_name && { last_name: form.last_name || null }),
      ...(form.language !== before.language && { language: (form.language || null) as Language }),
      ...(isNewEmail && { email: form.email, current_password: password }),
    };
    await data(api.PATCH("/api/v1/auth/me", { body, headers: ifMatch(person.version) }));
    await queries.invalidateQueries({ queryKey: me.queryKey });
    toast(say("profile.saved"));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save().catch(setError);
  };
  return (
    <section className="panel" aria-labelledby="profile">
      <h2 id="profile">{say("account.profile")}</h2>
      <form className="item-form" onSubmit={submit}>
        <Input label={say("account.email")} type="email" autoComplete="email" value={form.email} onChange={put("email")} required />
        <Input label={say("account.first-name")} autoComplete="given-name" value={form.first_name} onChange={put("first_name")} maxLength={200} />
        <Input label={say("account.last-name")} autoComplete="family-name" value={form.last_name} onChange={put("last_name")} maxLength={200} />
        <Languages value={form.language} onChange={put("language")} />
        {isNewEmail && <Input label={say("password.current")} help={say("account.email-help")} type="password" autoComplete="current-password" value={password} onChange={setPassword} required />}
        {error !== null && <Problem error={error} />}
        <footer className="form-actions"><button type="submit" className="primary" disabled={!isChanged}>{say("action.save")}</button></footer>
      </form>
    </section>
  );
}

const Languages = ({ value, onChange }: { value: string; onChange: (value: string) => void }) => (
  <Labelled label={say("account.mail-language")}>
    {(ids) => (
      <select {...ids} value={value} onChange={({ target }) => onChange(target.value)}>
        <option value="">{say("account.mail-language.any")}</option>
        {LANGUAGES.map((one) => <option key={one} value={one}>{say(`account.mail-language.${one}`)}</option>)}
      </select>
    )}
  </Labelled>
);
