// What both logs have: heading, person, filters, files, the window that was searched, pages.
import type { ReactNode } from "react";
import type { Resource } from "../document/read.ts";
import { ActiveFilters, FilterButton } from "../generic/Filters.tsx";
import { Pager } from "../generic/Pager.tsx";
import { WithResource } from "../generic/WithResource.tsx";
import { Answered, Empty } from "../parts/states.tsx";
import { Heading, Toolbar } from "../parts/Toolbar.tsx";
import { formatInstant } from "../words/format.ts";
import { say } from "../words/say.ts";
import { Files } from "./Files.tsx";
import { namesOf, useLog, type LogName, type LogPage } from "./log.ts";
import { PersonFilter } from "./PersonFilter.tsx";

type LogFrameProps<L extends LogName> = { log: L; title: string; tools?: ReactNode; children: (page: LogPage<L>) => ReactNode };

export function LogFrame<L extends LogName>(props: LogFrameProps<L>) {
  return <WithResource slug={`audit/${props.log}`}>{(resource) => <Loaded {...props} resource={resource} />}</WithResource>;
}

function Loaded<L extends LogName>({ log, title, tools, resource, children }: LogFrameProps<L> & { resource: Resource }) {
  const page = useLog(log);
  const known = namesOf(page.data?.items ?? []);
  return (
    <>
      <Heading title={title} />
      <Toolbar label={title}>
        <PersonFilter log={log} known={known} />
        {tools}
        <FilterButton resource={resource} />
        <Files log={log} />
      </Toolbar>
      <ActiveFilters resource={resource} known={known} />
      <Answered to={page}>
        {(found) => (
          <>
            {found.window && <Window period={found.window} />}
            {found.items.length ? children(found) : <Empty>{say(found.next_cursor ? "record.empty-so-far" : "record.empty")}</Empty>}
            <Pager resource={resource} page={found} counted={false} />
          </>
        )}
      </Answered>
    </>
  );
}

/** Which period was searched, where the filters did not say it. */
function Window({ period }: { period: string }) {
  const [from = "", to = ""] = period.split("/");
  return <p className="window">{say("record.window", { from: formatInstant(from), to: formatInstant(to) })}</p>;
}
