// One version of the policy: its changes in words, who gained and lost what, and the way back to it.
import { useParams } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useMay, useRead, type Page, type Schemas } from "../api/queries.ts";
import { humanize } from "../document/labels.ts";
import { useGo } from "../parts/address.ts";
import { BackLink } from "../parts/BackLink.tsx";
import { Chip } from "../parts/Chip.tsx";
import { Diff } from "../parts/Diff.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Answered, Empty } from "../parts/states.tsx";
import { Moment } from "../parts/Time.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { formatList } from "../words/format.ts";
import { say } from "../words/say.ts";
import { differencesOf, sentenceOf, type PolicyChange } from "./changes.ts";
import { Consequences } from "./Consequences.tsx";
import { Effects } from "./Effects.tsx";
import { useModules, type Module } from "./modules.ts";
import { useTitles } from "./permissions.ts";

const NO_ROWS: never[] = [];

type PolicyVersion = Schemas["VersionRead"];

export default function Version() {
  const { id } = useParams({ strict: false }) as { id: string };
  const version = useRead<PolicyVersion>(`/api/v1/rbac/versions/${encodeURIComponent(id)}`);
  return <Answered to={version}>{(found) => <Loaded key={id} version={found} />}</Answered>;
}

function Loaded({ version }: { version: PolicyVersion }) {
  const { id, at, actor_name, restores, changes, effects } = version;
  const note = <><span>{actor_name ?? say("history.system")}</span><Moment at={at} />{restores !== null && <Chip tone="info">{say("versions.restores", { id: restores })}</Chip>}</>;
  return (
    <>
      <BackLink to="/roles/versions">{say("versions.title")}</BackLink>
      <Heading title={say("versions.number", { id })} note={note}><RollBack id={id} /></Heading>
      <div className="item">
        <section className="panel" aria-labelledby="changes">
          <h2 id="changes">{say("versions.changes")}</h2>
          {changes.length ? <ol className="changes">{changes.map((change) => <OneChange key={change.entity + change.id} change={change} />)}</ol> : <Empty />}
        </section>
        <section className="panel" aria-labelledby="effects">
          <h2 id="effects">{say("versions.effects")}</h2>
          <Effects effects={effects} />
        </section>
      </div>
    </>
  );
}

/** Rolls the policy back to a version that is not the present one. */
function RollBack({ id }: { id: number }) {
  const [trying, setTrying] = useState(false);
  const may = useMay();
  const go = useGo();
  const { data: newest } = useRead<Page<PolicyVersion>>("/api/v1/rbac/versions", { limit: 1 });
  const current = newest?.items[0]?.id;
  if (current === undefined) return null;
  if (current === id) return <Chip tone="good">{say("versions.current")}</Chip>;
  if (!may("roles:update")) return null;
  return (
    <>
      <button type="button" onClick={() => setTrying(true)}><Icon name="rotate-ccw-clock" />{say("versions.roll-back")}</button>
      {trying && (
        <Consequences title={say("versions.roll-back-to", { id })} action={say("versions.roll-back")} danger onClose={() => setTrying(false)} onDone={() => go("/roles/versions")}
          change={{ method: "post", path: `/api/v1/rbac/versions/${id}/rollback` }}>
          <p>{say("versions.roll-back-help")}</p>
        </Consequences>
      )}
    </>
  );
}

/** The titles of the actions and scopes of the module whose grant changed. */
function useGrantTitles({ old, new: now, names }: PolicyChange): Record<string, (value: string) => string> {
  const titles = useTitles();
  const name = names[String((now ?? old ?? {}).module_id)];
  const module = useModules(NO_ROWS).find((one) => one.name === name);
  const titleIn = (declared: Module["actions"] = [], value: string) => declared.find((one) => one.name === value)?.title;
  return {
    actions: (value) => titleIn(module?.actions, value) ?? titles.action(module?.slug ?? "", value),
    scope: (value) => titleIn(module?.scopes, value) ?? titles.scope(module?.slug ?? "", value),
  };
}

function OneChange({ change }: { change: PolicyChange }) {
  const titles = useGrantTitles(change);
  const show = (value: unknown, name: string): ReactNode => {
    const titleOf = titles[name] ?? String;
    if (value === null || value === "" || (Array.isArray(value) && !value.length)) return null;
    if (typeof value === "boolean") return say(value ? "value.yes" : "value.no");
    if (Array.isArray(value)) return formatList(value.map((one) => titleOf(String(one))));
    return change.names[String(value)] ?? (typeof value === "object" ? JSON.stringify(value) : titleOf(String(value)));
  };
  const differences = differencesOf(change).map(({ name, before, after }) => ({ name, label: humanize(name), before: show(before, name), after: show(after, name) }));
  return (
    <li>
      <p>{sentenceOf(change)}</p>
      <Diff changes={differences.filter(({ before, after }) => before !== null || after !== null)} />
    </li>
  );
}
