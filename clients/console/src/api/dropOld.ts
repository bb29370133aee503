// Bounds the memory of a tab: of the answers that no screen shows any more, only the last few are kept.
import type { Query, QueryCache } from "@tanstack/react-query";

const KEPT = 10;

const isAnswer = ({ queryKey: [kind] }: Query) => kind === "read";

/** Drops answers by the order in which screens let go of them, however soon that was: a person pages fast. */
export function dropOld(cache: QueryCache, kept = KEPT): void {
  const unused = new Set<Query>(); // in the order in which they were let go
  const letGo = (query: Query) => {
    unused.add(query);
    const [oldest] = unused;
    if (oldest && unused.size > kept) cache.remove(oldest);
  };
  cache.subscribe(({ type, query }) => {
    if (type === "observerAdded" || type === "removed") unused.delete(query);
    if (type === "observerRemoved" && isAnswer(query) && !query.getObserversCount()) letGo(query);
  });
}
