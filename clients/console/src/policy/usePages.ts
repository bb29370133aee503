// A list that is read page by page, as far as the person asks.
import { useInfiniteQuery } from "@tanstack/react-query";
import { call, type Query } from "../api/client.ts";
import type { Page } from "../api/queries.ts";

export function usePages<T>(path: string, query: Query = {}) {
  return useInfiniteQuery({
    queryKey: ["read", path, "pages", query],
    queryFn: ({ pageParam, signal }) => call<Page<T>>("get", path, { query: { ...query, ...(pageParam && { cursor: pageParam }) }, signal }),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  });
}
