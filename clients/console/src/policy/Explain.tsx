// Why may she, why not? Of one person and one permission, of all permissions of a person, or of all who hold one.
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { permissions, useMay, useRead, type Page, type Schemas } from "../api/queries.ts";
import { useAddress, valueOf, type Search } from "../parts/address.ts";
import { Icon } from "../parts/Icon.tsx";
import { Labelled } from "../parts/Input.tsx";
import { Answered, Empty } from "../parts/states.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { AllPermissions } from "./AllPermissions.tsx";
import { OneExplanation } from "./OneExplanation.tsx";
import { FLAGS, useWords } from "./permissions.ts";
import { WhoCan } from "./WhoCan.tsx";

type Question = { username: string; permission: string; at: string };
const questionOf = (search: Search): Question => ({ username: valueOf(search, "username"), permission: valueOf(search, "permission"), at: valueOf(search, "at") });

export default function Explain() {
  const [search] = useAddress();
  const question = questionOf(search);
  return (
    <>
      <Heading title={say("explain.title")} note={say("explain.note")} />
      <Ask key={JSON.stringify(question)} {...question} />
      <Answers {...question} />
    </>
  );
}

function Answers({ username, permission, at }: Question) {
  if (!username && !permission) return <Empty>{say("explain.ask-first")}</Empty>;
  return (
    <>
      {username && permission && <One username={username} permission={permission} at={at} />}
      {username && !permission && <AllPermissions username={username} at={at} />}
      {permission && <WhoCan permission={permission} />}
    </>
  );
}

function One({ at, ...asked }: Question) {
  const answer = useRead<Schemas["Explanation"]>("/api/v1/rbac/explain", { ...asked, ...(at && { at: new Date(at).toISOString() }) });
  return <Answered to={answer}>{(found) => <OneExplanation found={found} isPast={Boolean(at)} />}</Answered>;
}

/** Every permission that the person can name: of all modules for who reads roles, else of those of the own permissions. */
function usePermissionNames(): string[] {
  const may = useMay();
  const { data: mine = [] } = useQuery(permissions);
  const { data: modules } = useRead<Page<Schemas["ModuleRead"]>>(may("roles:read") ? "/api/v1/modules" : null, { limit: 100 });
  const named = (slug: string, own: string[]) => ["read", ...FLAGS, ...own].map((action) => `${slug}:${action}`);
  if (modules) return modules.items.flatMap(({ slug, actions }) => named(slug, actions.map(({ name }) => name)));
  return mine.flatMap(({ module_slug, action_titles }) => named(module_slug, Object.keys(action_titles)));
}

/** The names of the first users who match, for those who may read users. */
function useUsernames(text: string): string[] {
  const may = useMay();
  const { data } = useRead<Page<Schemas["UserRead"]>>(may("users:read") ? "/api/v1/users" : null, { limit: 20, fields: "username", ...(text && { q: text }) });
  return data?.items.map(({ username }) => username) ?? [];
}

function Ask(before: Question) {
  const [, change] = useAddress();
  const [asked, setAsked] = useState(before);
  const words = useWords();
  const put = (name: keyof Question) => (value: string) => setAsked((old) => ({ ...old, [name]: value }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change({ username: asked.username.trim() || undefined, permission: asked.permission.trim() || undefined, at: asked.at || undefined });
  };
  return (
    <form className="ask panel" role="search" aria-label={say("explain.title")} onSubmit={submit}>
      <Suggested label={say("explain.username")} help={say("explain.username-help")} value={asked.username} onChange={put("username")} options={useUsernames(asked.username)} />
      <Suggested label={say("explain.permission")} help={say("explain.permission-help")} value={asked.permission} onChange={put("permission")} options={usePermissionNames()} words={words} />
      <Labelled label={say("explain.at")} help={say("explain.at-help")}>
        {(ids) => <input {...ids} type="datetime-local" value={asked.at} onChange={(event) => put("at")(event.target.value)} />}
      </Labelled>
      <button type="submit" className="primary"><Icon name="search" />{say("explain.go")}</button>
    </form>
  );
}

type SuggestedProps = { label: string; help: string; value: string; onChange: (value: string) => void; options: string[]; words?: (option: string) => string };

function Suggested({ label, help, value, onChange, options, words }: SuggestedProps) {
  return (
    <Labelled label={label} help={help}>
      {(ids) => (
        <>
          <input {...ids} list={`${ids.id}-list`} autoComplete="off" spellCheck={false} value={value} onChange={(event) => onChange(event.target.value)} />
          <datalist id={`${ids.id}-list`}>{options.map((option) => <option key={option} value={option}>{words?.(option)}</option>)}</datalist>
        </>
      )}
    </Labelled>
  );
}
