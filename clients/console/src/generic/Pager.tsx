// Where we are in a list: how many rows are shown, all of them counted only when asked, earlier and next.
import { useLocation, useNavigate, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { useRead, type Page } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { useAddress } from "../parts/address.ts";
import { Icon } from "../parts/Icon.tsx";
import { formatNumber } from "../words/format.ts";
import { say } from "../words/say.ts";
import type { Item } from "./item.ts";
import { filterQuery } from "./list.ts";

/** The count of the rows that match, once it was asked for these filters. */
function Count({ resource, shown, counted }: { resource: Resource; shown: number; counted: boolean }) {
  const [search] = useAddress();
  const filters = filterQuery(search);
  const key = JSON.stringify(filters);
  const [asked, setAsked] = useState("");
  const { data } = useRead<Page<Item>>(asked === key ? resource.path : null, { ...filters, limit: 1, total: "exact" });
  const values = { shown: formatNumber(shown), total: formatNumber(data?.total ?? 0) };
  if (data) return <span>{say(data.total_is_exact ? "list.counted" : "list.counted-more", values)}</span>;
  return (
    <>
      <span>{say("list.shown", { count: formatNumber(shown) })}</span>
      {counted && <button type="button" className="link" onClick={() => setAsked(key)}>{asked === key ? say("state.loading") : say("list.count")}</button>}
    </>
  );
}

/** `counted`: whether the API can say how many rows match. It does not count the logs. */
export function Pager({ resource, page, counted = true }: { resource: Resource; page: Page<unknown>; counted?: boolean }) {
  const [search, change] = useAddress();
  const navigate = useNavigate();
  const router = useRouter();
  const { state } = useLocation();
  const depth = (state as { pages?: number }).pages ?? 0;
  const next = () => void navigate({ to: ".", search: { ...search, cursor: page.next_cursor } as never, state: { pages: depth + 1 } as never });
  const earlier = () => (depth > 0 ? router.history.back() : change({ cursor: undefined }));
  return (
    <footer className="pager">
      <Count resource={resource} shown={page.items.length} counted={counted} />
      <span className="gap" />
      <button type="button" disabled={!search.cursor} onClick={earlier}><Icon name="arrow-left" />{say(depth > 0 || !search.cursor ? "list.previous" : "list.earlier")}</button>
      <button type="button" disabled={!page.next_cursor} onClick={next}>{say("list.next")}<Icon name="arrow-right" /></button>
    </footer>
  );
}
