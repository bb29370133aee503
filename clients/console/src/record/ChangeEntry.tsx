// One entry of the change log: who changed which item, when and why, each field before and after, and where that leads.
import { useQuery } from "@tanstack/react-query";
import { resources, useMay } from "../api/queries.ts";
import { humanize } from "../document/labels.ts";
import type { Field, Resource } from "../document/read.ts";
import { changesOf } from "../generic/changes.tsx";
import { Diff } from "../parts/Diff.tsx";
import { Instant } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { formatNumber } from "../words/format.ts";
import { say, sayIfKnown } from "../words/say.ts";
import type { Change } from "./log.ts";
import { Actor } from "./Actor.tsx";
import { toCall, toChanges, toProof } from "./places.ts";

/** `inCall`: the screen says who, when and why already. */
export function ChangeEntry({ entry, inCall = false }: { entry: Change; inCall?: boolean }) {
  const { data: all } = useQuery(resources);
  const resource = all?.find(({ entity }) => entity === entry.entity);
  const { entity, entity_id } = entry;
  const label = ({ name, label: words }: Field) => (
    <To place={toChanges({ entity, entity_id, field: name })} label={say("record.of-field", { field: words })}>{words}</To>
  );
  return (
    <article className="entry" aria-label={say("record.entry", { action: actionName(entry), item: itemName(entry) })}>
      <header>
        {!inCall && <Instant at={entry.at} />}
        <span>{!inCall && <b><Actor by={entry} /></b>} {actionName(entry)} {humanize(entity).toLowerCase()} <ItemLinks entry={entry} resource={resource} /></span>
        <span className="gap" />
        {!inCall && entry.call_id && <To place={toCall(entry.call_id)}>{say("record.request")}</To>}
        <Seq log="changes" seq={entry.seq} />
      </header>
      {!inCall && entry.reason && <blockquote>{entry.reason}</blockquote>}
      <Diff changes={changesOf(entry, resource, { label })} />
    </article>
  );
}

const actionName = ({ action }: Change) => sayIfKnown(`history.action.${action}`, humanize(action));
const itemName = ({ item_name: name, entity_id: id }: Change) => name ?? `…${id.slice(-8)}`;

/** To everything that happened to the item, and to the item itself where it may be read. */
function ItemLinks({ entry, resource }: { entry: Change; resource: Resource | undefined }) {
  const may = useMay();
  const { entity, entity_id } = entry;
  const isOpen = resource?.can.read && may(`${resource.slug}:read`);
  return (
    <>
      <To place={toChanges({ entity, entity_id })} label={say("record.of-item", { name: itemName(entry) })}>{itemName(entry)}</To>
      {isOpen && <> <To place={{ to: `/${resource.slug}/${entity_id}` }} className="aside">{say("record.open-item")}</To></>}
    </>
  );
}

/** The place of an entry in its log, as a link to its proof. */
export function Seq({ log, seq }: { log: "access" | "changes"; seq: number | null }) {
  if (seq === null) return <small>{say("record.unsealed")}</small>;
  return <To place={toProof(log, seq)} className="seq" label={say("record.prove", { seq: formatNumber(seq) })}>{`#${seq}`}</To>;
}
