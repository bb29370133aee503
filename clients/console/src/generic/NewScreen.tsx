// A new item.
import { useParams } from "@tanstack/react-router";
import { useRef } from "react";
import { Refused } from "../api/problems.ts";
import { forget } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { useGo } from "../parts/address.ts";
import { MissingScreen } from "../parts/states.tsx";
import { toast } from "../parts/toast.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { useCan } from "./allowed.ts";
import { Form } from "./Form.tsx";
import { nameOf, type Draft, type Item } from "./item.ts";
import { useChange } from "./useChange.ts";
import { WithResource } from "./WithResource.tsx";

export default function NewScreen() {
  const { slug } = useParams({ strict: false }) as { slug: string };
  return <NewItem slug={slug} />;
}

/** Saves under one key until the server answers, so that the same draft makes one item however often it is sent. */
function useCreate({ path }: Resource): (draft: Draft) => Promise<Item | null> {
  const change = useChange();
  const last = useRef({ draft: "", key: "" });
  return async (draft) => {
    const text = JSON.stringify(draft);
    if (last.current.draft !== text) last.current = { draft: text, key: crypto.randomUUID() };
    try {
      return await change<Item>("post", path, { body: draft, headers: { "Idempotency-Key": last.current.key } });
    } catch (error) {
      if (error instanceof Refused) last.current.draft = "";
      throw error;
    }
  };
}

/** The form of a new item, also for modules with screens of their own, whose addresses name no slug. */
export const NewItem = ({ slug }: { slug: string }) => <WithResource slug={slug}>{(resource) => <New resource={resource} />}</WithResource>;

function New({ resource }: { resource: Resource }) {
  const can = useCan(resource);
  const create = useCreate(resource);
  const go = useGo();
  const save = async (draft: Draft) => {
    const item = await create(draft);
    if (!item) return;
    void forget(resource.path);
    toast(say("form.created", { name: nameOf(resource, item) }));
    go(`/${resource.slug}/${item.id}`);
  };
  if (!can("create") || !resource.create) return <MissingScreen title={say("item.new", { one: resource.one })} permission={`${resource.slug}:create`} />;
  return (
    <>
      <Heading title={say("item.new", { one: resource.one })} />
      <div className="narrow"><Form fields={resource.create} item={null} action={say("action.save")} onSave={save} /></div>
    </>
  );
}
