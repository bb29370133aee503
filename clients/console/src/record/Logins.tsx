// Who came in, and from where? The sign-ins that worked and that failed, and what is blocked at present.
import { useRead, type Page, type Schemas } from "../api/queries.ts";
import { humanize } from "../document/labels.ts";
import { Chip } from "../parts/Chip.tsx";
import type { Column } from "../parts/Table.tsx";
import { Instant, Moment } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { formatNumber } from "../words/format.ts";
import { say } from "../words/say.ts";
import { Choices, ListFrame, type Choice } from "../generic/ListFrame.tsx";
import { toAccess, toActor, toLogins } from "./places.ts";

type Login = Schemas["LoginRead"];

export default function Logins() {
  const choices: Choice[] = [
    { label: say("record.outcome.all"), search: {} },
    { label: say("record.failures"), search: { is_successful: "false" } },
  ];
  return (
    <ListFrame<Login> slug="auth/logins" title={say("record.logins")} columns={columns()} known={namesOf}
      tools={<Choices label={say("record.outcome")} choices={choices} />}>
      <Blocked />
    </ListFrame>
  );
}

const namesOf = (rows: Login[]) =>
  Object.fromEntries(rows.flatMap(({ user_id: id, username: name }) => (id && name ? [[id, name]] : [])) as [string, string][]);

/** The accounts and addresses that may not try again yet. */
function Blocked() {
  const { data } = useRead<Page<Schemas["ThrottledRead"]>>("/api/v1/auth/throttled", { limit: 20 });
  if (!data?.items.length) return null;
  return (
    <section className="panel" aria-label={say("record.blocked")}>
      <h2>{say("record.blocked")}</h2>
      <ul className="points">
        {data.items.map(({ kind, user, address, failures, blocked_until: until }) => (
          <li key={`${kind} ${user?.id} ${address}`}>
            {humanize(kind)}: {user && <To place={toActor(user.id)}>{user.name}</To>} {address && <To place={toLogins({ ip: address })}>{address}</To>}
            {" · "}{say("record.failures-count", { count: formatNumber(failures) })} <Moment at={until} ago />
          </li>
        ))}
      </ul>
    </section>
  );
}

const columns = (): Column<Login>[] => [
  { name: "at", label: say("record.at"), sortable: true, cell: ({ at }) => <Instant at={at} /> },
  { name: "user", label: say("record.person"), cell: ({ user_id: id, username }) => (id ? <To place={toActor(id)}>{username ?? id}</To> : <i>{say("record.unknown-name")}</i>) },
  {
    name: "outcome", label: say("record.outcome"),
    cell: ({ is_successful: good, reason }) => <Chip tone={good ? "good" : "warn"}>{good ? say("record.signed-in") : humanize(reason ?? "")}</Chip>,
  },
  { name: "ip", label: say("record.address"), cell: ({ ip }) => ip && <To place={toLogins({ ip })}>{ip}</To> },
  { name: "device", label: say("record.device"), cell: ({ user_agent: agent }) => agent },
  { name: "request", label: say("record.request"), cell: ({ request_id: id }) => <To place={toAccess({ request_id: id })}>{say("record.request")}</To> },
];
