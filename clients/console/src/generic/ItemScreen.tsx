// One item: its form at the left, who changed it at the right.
import { Navigate, useParams } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { call, ifMatch } from "../api/client.ts";
import { Refused } from "../api/problems.ts";
import { forget, useMay, useRead, type Page } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { useAddress, useGo } from "../parts/address.ts";
import { Chip } from "../parts/Chip.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { Icon } from "../parts/Icon.tsx";
import { useKeys } from "../parts/keys.ts";
import { Answered, MissingScreen } from "../parts/states.tsx";
import { Moment } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { toast } from "../parts/toast.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { useCan, useUnreadable } from "./allowed.ts";
import { ConflictDialog } from "./ConflictDialog.tsx";
import { Facts } from "./Facts.tsx";
import { Form } from "./Form.tsx";
import { History } from "./History.tsx";
import { ItemLinkBack } from "./ItemLinkBack.tsx";
import { nameOf, type Draft, type Item } from "./item.ts";
import { useChange } from "./useChange.ts";
import { WithResource } from "./WithResource.tsx";

export default function ItemScreen() {
  const { slug, id } = useParams({ strict: false }) as { slug: string; id: string };
  return <WithResource slug={slug}>{(resource) => <Guarded key={id} resource={resource} id={id} />}</WithResource>;
}

function Guarded(props: { resource: Resource; id: string }) {
  const may = useMay();
  const needed = `${props.resource.slug}:read`;
  return may(needed) ? <Loaded {...props} /> : <MissingScreen title={props.resource.name} permission={needed} />;
}

function Loaded({ resource, id }: { resource: Resource; id: string }) {
  const [{ deleted }] = useAddress();
  const item = useRead<Item>(deleted ? null : `${resource.path}/${encodeURIComponent(id)}`);
  if (deleted) return <Deleted resource={resource} id={id} />;
  return <Answered to={item}>{(found) => <OneItem resource={resource} item={found} reload={item.refetch} />}</Answered>;
}

/** A deleted item is in the list of such items alone; one that is not there was restored. */
export function Deleted({ resource, id }: { resource: Resource; id: string }) {
  const page = useRead<Page<Item>>(resource.path, { id, deleted: "only" });
  const reload = () => page.refetch().then(({ data }) => ({ data: data?.items[0] }));
  return (
    <Answered to={page}>
      {({ items: [item] }) => (item ? <OneItem resource={resource} item={item} reload={reload} /> : <Navigate to={`/${resource.slug}/${id}` as string} search={{} as never} replace />)}
    </Answered>
  );
}

export type OneItemProps = { resource: Resource; item: Item; reload: () => Promise<{ data?: Item | undefined }> };

/** Saving a draft, and what is to be decided when another person was faster. */
function useSaving({ resource, item, reload }: OneItemProps) {
  const [conflict, setConflict] = useState<{ theirs: Item; draft: Draft } | null>(null);
  const change = useChange();
  const path = `${resource.path}/${item.id}`;
  const save = async (draft: Draft, version = item.version) => {
    let saved: Item | null;
    try {
      saved = await change<Item>("patch", path, { body: draft, headers: ifMatch(version) });
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 412) throw error;
      const { data: theirs } = await reload();
      if (!theirs) throw error;
      return setConflict({ theirs, draft });
    }
    setConflict(null);
    if (!saved) return;
    await forget(resource.path);
    toast(say("form.saved"));
  };
  return { conflict, save, giveUp: () => setConflict(null) };
}

function OneItem(props: OneItemProps) {
  return (
    <>
      <ItemHeading {...props} />
      <ItemBody {...props} />
    </>
  );
}

/** The form of an item, what else it says, and its history. */
export function ItemBody(props: OneItemProps) {
  const { resource, item } = props;
  const can = useCan(resource);
  const { conflict, save, giveUp } = useSaving(props);
  const isDeleted = Boolean(item.deleted_at);
  const readOnly = isDeleted || !resource.update || !can("update");
  const allowed = Object.fromEntries(Object.entries(resource.transitions).map(([name, next]) => [name, next[String(item[name])] ?? []]));
  useKeys({ e: () => document.querySelector<HTMLElement>(".item-form input, .item-form select, .item-form textarea")?.focus() });
  return (
    <>
      <div className="item">
        <section className="panel">
          <Form key={item.version} fields={resource.update ?? resource.columns} item={item} readOnly={readOnly} allowed={allowed}
            action={say("action.save")} onSave={(draft) => save(draft)} />
          <Facts resource={resource} item={item} />
        </section>
        {can("history") && <History resource={resource} item={item} />}
      </div>
      {conflict && <ConflictDialog resource={resource} {...conflict} onClose={giveUp} onSave={(draft) => save(draft, conflict.theirs.version)} />}
    </>
  );
}

/** The name of an item, what may be done with it, and as `children` what a screen of its own adds. */
export function ItemHeading({ resource, item, children }: OneItemProps & { children?: ReactNode }) {
  const [asking, setAsking] = useState(false);
  const can = useCan(resource);
  const unreadable = useUnreadable(resource);
  const change = useChange();
  const go = useGo();
  const path = `${resource.path}/${item.id}`;
  const isDeleted = Boolean(item.deleted_at);
  const remove = async (headers: Record<string, string>) => {
    await call("delete", path, { headers: { ...headers, ...ifMatch(item.version) } });
    void forget(resource.path);
    go(`/${resource.slug}`);
  };
  const restore = () => change("post", `${path}/restore`, { headers: ifMatch(item.version) }).then(() => forget(resource.path), () => forget(path));
  const note = <>{item.version !== undefined && say("item.version", { version: item.version })}{isDeleted && <Chip tone="bad"><Moment at={String(item.deleted_at)} ago /></Chip>}</>;
  return (
    <>
      <ItemLinkBack resource={resource} />
      <Heading title={nameOf(resource, item)} note={note}>
        {children}
        {can("personal-data") && !unreadable.length && <To place={{ to: `/${resource.slug}/${item.id}/person` }} className="button"><Icon name="fingerprint-pattern" />{say("item.person")}</To>}
        {isDeleted && can("restore") && <button type="button" className="primary" onClick={() => void restore()}><Icon name="rotate-ccw" />{say("item.restore")}</button>}
        {!isDeleted && can("delete") && <button type="button" onClick={() => setAsking(true)}><Icon name="trash" />{say("action.delete")}</button>}
      </Heading>
      {isDeleted && <p className="notice">{say("item.deleted", { one: resource.one })}</p>}
      {asking && (
        <Confirm title={say("item.delete", { one: resource.one })} action={say("action.delete")} danger withReason onClose={() => setAsking(false)} onConfirm={remove}>
          <p><strong>{nameOf(resource, item)}</strong></p>
          {can("restore") && <p>{say("item.delete-help")}</p>}
        </Confirm>
      )}
    </>
  );
}
