// A new item.
import { useParams } from "@tanstack/react-router";
import { call } from "../api/client.ts";
import { forget, useMay } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { useGo } from "../parts/address.ts";
import { Missing } from "../parts/states.tsx";
import { toast } from "../parts/toast.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { Form } from "./Form.tsx";
import { nameOf, type Draft, type Item } from "./item.ts";
import { WithResource } from "./WithResource.tsx";

export default function NewScreen() {
  const { slug } = useParams({ strict: false }) as { slug: string };
  return <WithResource slug={slug}>{(resource) => <New resource={resource} />}</WithResource>;
}

function New({ resource }: { resource: Resource }) {
  const may = useMay();
  const go = useGo();
  const needed = `${resource.slug}:create`;
  const save = async (draft: Draft) => {
    const item = await call<Item>("post", resource.path, { body: draft });
    void forget(resource.path);
    toast(say("form.created", { name: nameOf(resource, item) }));
    go(`/${resource.slug}/${item.id}`);
  };
  if (!may(needed) || !resource.create) return <Missing permission={needed} />;
  return (
    <>
      <Heading title={say("item.new", { one: resource.one })} />
      <div className="narrow"><Form fields={resource.create} item={null} action={say("action.save")} onSave={save} /></div>
    </>
  );
}
