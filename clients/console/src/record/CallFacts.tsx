// The facts of a request, each a link to what shares it.
import type { ReactNode } from "react";
import type { Schemas } from "../api/queries.ts";
import { Instant } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { formatNumber } from "../words/format.ts";
import { say, type Sentence } from "../words/say.ts";
import { Status } from "./Access.tsx";
import { Seq } from "./ChangeEntry.tsx";
import type { Access } from "./log.ts";
import { Actor } from "./Actor.tsx";
import { toAccess, toActor } from "./places.ts";

type Fact = [Sentence, ReactNode];

export function CallFacts({ call }: { call: Schemas["CallRead"] }) {
  const facts = [...whoAndWhy(call), ...(call.request ? whatAndHow(call.request) : [])];
  return (
    <dl className="facts-list">
      {facts.filter(([, value]) => Boolean(value)).map(([name, value]) => (
        <div key={name}><dt>{say(name)}</dt><dd>{value}</dd></div>
      ))}
    </dl>
  );
}

const whoAndWhy = (call: Schemas["CallRead"]): Fact[] => [
  ["record.person", <Actor by={call} />],
  ["record.owner", call.owner_id && <To place={toActor(call.owner_id)}>{call.owner_name ?? call.owner_id}</To>],
  ["record.reason", call.reason],
];

const whatAndHow = (request: Access): Fact[] => [
  ["record.at", <Instant at={request.at} />],
  ["record.outcome", <Status of={request} />],
  ["record.address", request.ip && <To place={toAccess({ ip: request.ip })}>{request.ip}</To>],
  ["record.session", request.session_id && <To place={toAccess({ session_id: request.session_id })}><code>{request.session_id}</code></To>],
  ["record.device", request.user_agent],
  ["record.signed-in-by", request.auth_method],
  ["record.decision", request.decision && <To place={toAccess({ decision: request.decision })}>{request.decision}</To>],
  ["record.route", request.route && <To place={toAccess({ route: request.route })}><code>{request.route}</code></To>],
  ["record.query", request.query && <code>{request.query}</code>],
  ["record.subject", request.subject_id && <To place={toAccess({ subject_id: request.subject_id })}>{request.subject_name ?? request.subject_id}</To>],
  ["record.item", request.item_id && <To place={toAccess({ item_id: request.item_id })}>{request.item_name ?? request.item_id}</To>],
  ["record.duration", formatNumber(request.duration_ms)],
  ["record.bytes", `${formatNumber(request.bytes_in ?? 0)} / ${formatNumber(request.bytes_out)}`],
  ["record.replay", request.is_replay && say("record.replay-help")],
  ["record.dry-run", request.is_dry_run && say("record.dry-run-help")],
  ["record.request-id", <To place={toAccess({ request_id: request.request_id })}><code>{request.request_id}</code></To>],
  ["record.trace", request.trace_id && <code>{request.trace_id}</code>],
  ["record.seq", <Seq log="access" seq={request.seq} />],
];
