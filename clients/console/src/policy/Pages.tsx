// What was read of a list, and the button that reads on.
import type { ReactNode } from "react";
import type { Query } from "../api/client.ts";
import { Answered } from "../parts/states.tsx";
import { say } from "../words/say.ts";
import { usePages } from "./usePages.ts";

type PagesProps<T> = { path: string; query?: Query; children: (items: T[]) => ReactNode };

export function Pages<T>({ path, query = {}, children }: PagesProps<T>) {
  const list = usePages<T>(path, query);
  return (
    <>
      <Answered to={list}>{({ pages }) => children(pages.flatMap(({ items }) => items))}</Answered>
      {list.hasNextPage && (
        <button type="button" className="further" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {say(list.isFetchingNextPage ? "state.loading" : "pages.more")}
        </button>
      )}
    </>
  );
}
