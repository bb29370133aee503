// Waits for the document and finds the resource of an address.
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { permissions, resources } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { Answered, Empty } from "../parts/states.tsx";
import { say } from "../words/say.ts";

export function WithResource({ slug, children }: { slug: string; children: (resource: Resource) => ReactNode }) {
  const all = useQuery(resources);
  const mine = useQuery(permissions);
  return (
    <Answered to={all}>
      {(found) => {
        const resource = found.find((one) => one.slug === slug);
        if (!resource) return <Empty>{say("list.unknown", { slug })}</Empty>;
        return <Answered to={mine}>{() => children(resource)}</Answered>;
      }}
    </Answered>
  );
}
