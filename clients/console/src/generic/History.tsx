// Who changed an item: person, time, and each field before and after; and the way back to an earlier state.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { call, ifMatch } from "../api/client.ts";
import { forget, useMay, type Page } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { humanize } from "../document/labels.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { Diff } from "../parts/Diff.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Answered, Empty } from "../parts/states.tsx";
import { Moment } from "../parts/Time.tsx";
import { say, sayIfKnown } from "../words/say.ts";
import { useCan } from "./allowed.ts";
import { changesOf, type ChangeRead } from "./changes.tsx";
import type { Item } from "./item.ts";
import { useChange } from "./useChange.ts";

type Shown = { resource: Resource; item: Item };

const PAGE = 20;

function useHistory({ resource, item }: Shown) {
  const path = `${resource.path}/${item.id}/history`;
  return useInfiniteQuery({
    queryKey: ["read", path, item.version],
    queryFn: ({ pageParam }) => call<Page<ChangeRead>>("get", path, { query: { limit: PAGE, ...(pageParam && { cursor: pageParam }) } }),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function History(shown: Shown) {
  const [noise, setNoise] = useState(false);
  const history = useHistory(shown);
  const { hasNextPage, fetchNextPage } = history;
  return (
    <section className="panel history" aria-label={say("history.title")}>
      <header>
        <h2>{say("history.title")}</h2>
        <label><input type="checkbox" checked={noise} onChange={() => setNoise(!noise)} />{say("history.noise")}</label>
      </header>
      <Answered to={history}>
        {({ pages }) => {
          const entries = pages.flatMap((page) => page.items);
          return entries.length ? <ol>{entries.map((entry, index) => <OneEntry key={entry.seq} entry={entry} first={index === 0} noise={noise} {...shown} />)}</ol> : <Empty>{say("history.none")}</Empty>;
        }}
      </Answered>
      {hasNextPage && <button type="button" onClick={() => void fetchNextPage()}>{say("history.earlier")}</button>}
    </section>
  );
}

function OneEntry({ entry, first, noise, resource, item }: Shown & { entry: ChangeRead; first: boolean; noise: boolean }) {
  const can = useCan(resource);
  const may = useMay();
  const change = useChange();
  const [asking, setAsking] = useState(false);
  const revertible = !first && !item.deleted_at && can("revert");
  const revert = async (headers: Record<string, string>) => {
    const body = { seq: entry.seq };
    await change("post", `${resource.path}/${item.id}/revert`, { body, headers: { ...headers, ...ifMatch(item.version) } });
    await forget(resource.path);
  };
  return (
    <li>
      <p className="who">
        <b>{entry.actor_name ?? say("history.system")}</b> {sayIfKnown(`history.action.${entry.action}`, humanize(entry.action))} <Moment at={entry.at} ago />
        {entry.call_id && may("audit:read") && <Link to={`/audit/calls/${entry.call_id}` as string}>{say("history.request")}</Link>}
        {revertible && <button type="button" className="quiet" aria-label={say("history.revert")} title={say("history.revert")} onClick={() => setAsking(true)}><Icon name="undo-2" /></button>}
      </p>
      {entry.reason && <blockquote>{entry.reason}</blockquote>}
      <Diff changes={changesOf(entry, resource, { item, noise })} />
      {asking && (
        <Confirm title={say("history.revert-title")} action={say("history.revert")} withReason onClose={() => setAsking(false)} onConfirm={revert}>
          <p>{say("history.revert-help")}</p>
        </Confirm>
      )}
    </li>
  );
}
