// What is unusual? Requests by time and outcome, refusals, the busiest people and routes; every bar leads to its rows.
import { useState } from "react";
import { useRead, type Schemas } from "../api/queries.ts";
import { useAddress, valueOf } from "../parts/address.ts";
import { Chart, type Series } from "../parts/Chart.tsx";
import { RemovableChip } from "../parts/Chip.tsx";
import { Ranking, type Rank } from "../parts/Ranking.tsx";
import { Answered } from "../parts/states.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { formatDay, formatHour } from "../words/format.ts";
import { say } from "../words/say.ts";
import { actorName } from "./Actor.tsx";
import { beginOf, endOf, fill, PERIODS, unitOf, type Period } from "./period.ts";
import { toAccess } from "./places.ts";

type Group = Schemas["SummaryGroup"];
type Shown = { period: Period; now: number };
/** The refusals of one guard, or all. */
type Refused = Shown & { guard: string | undefined };

const MOST = 10;
const ALL = 1000;

export default function Summary() {
  const [search] = useAddress();
  const [now] = useState(Date.now);
  const period = PERIODS.find((one) => one === valueOf(search, "period")) ?? "day";
  const shown = { period, now };
  return (
    <>
      <Heading title={say("record.summary")}><PeriodSwitch period={period} /></Heading>
      <OverTime {...shown} />
      <Refusals {...shown} guard={valueOf(search, "guard") || undefined} />
      <div className="rankings">
        <Most {...shown} by="actor" label={say("record.summary.people")} of={say("record.person")} rank={byActor} />
        <Most {...shown} by="route" label={say("record.summary.routes")} of={say("record.route")} rank={byRoute()} />
      </div>
    </>
  );
}

/** What was refused, by the guard that did; and of one guard or all, why, where and to whom. */
function Refusals({ guard, ...shown }: Refused) {
  const [, change] = useAddress();
  const refused = { ...shown, guard, status: "4" };
  return (
    <>
      {guard && <div className="chips"><RemovableChip label={say("filter.set", { name: say("record.guard"), value: guard })} onRemove={() => change({ guard: undefined })} /></div>}
      <div className="rankings">
        <Most {...refused} guard={undefined} by="guard" label={say("record.summary.guards")} of={say("record.guard")} rank={byGuard(shown.period)} />
        <Most {...refused} by="error_code" label={say("record.summary.refusals")} of={say("record.reason")} rank={byCode} />
        <Most {...refused} by="route" label={say("record.summary.refused-routes")} of={say("record.route")} rank={byRoute("400", guard)} />
        {guard && <Most {...refused} by="actor" label={say("record.summary.refused-people")} of={say("record.person")} rank={byActor} />}
      </div>
    </>
  );
}

function PeriodSwitch({ period }: { period: Period }) {
  const [, change] = useAddress();
  return (
    <div className="switch" role="group" aria-label={say("record.period")}>
      {PERIODS.map((one) => <button key={one} type="button" aria-pressed={one === period} onClick={() => change({ period: one })}>{say(`record.period.${one}`)}</button>)}
    </div>
  );
}

const useSummary = (query: Record<string, string | number | undefined>) =>
  useRead<Schemas["SummaryRead"]>("/api/v1/audit/summary", { log: "access", ...query });

const series = (): Series[] => [
  { key: "2", label: say("record.outcome.done"), tone: "good" },
  { key: "4", label: say("record.outcome.refused"), tone: "warn" },
  { key: "5", label: say("record.outcome.failed"), tone: "bad" },
];

/** Redirections and what needed no body are done, too. */
const outcomeOf = ({ status }: Group) => (status === 4 || status === 5 ? String(status) : "2");

function OverTime({ period, now }: Shown) {
  const unit = unitOf(period);
  const counted = useSummary({ by: `${unit},status`, at_gte: beginOf(period, now), limit: ALL });
  const label = unit === "hour" ? formatHour : formatDay;
  return (
    <Answered to={counted}>
      {({ items }) => {
        const groups = items.map((group) => ({ at: group.hour ?? group.day ?? "", key: outcomeOf(group), count: group.count }));
        const bars = fill(groups, period, now).map(({ at, values }) => ({ key: at, label: label(at), values, place: toAccess({ at_gte: at, at_lt: endOf(at, unit) }) }));
        return <Chart label={say("record.summary.requests")} series={series()} bars={bars} />;
      }}
    </Answered>
  );
}

type MostProps = Shown & { by: string; label: string; of: string; status?: string; guard?: string | undefined; rank: (group: Group, since: string) => Rank | null };

function Most({ period, now, by, label, of, status, guard, rank }: MostProps) {
  const since = beginOf(period, now);
  const counted = useSummary({ by, status, guard, at_gte: since, limit: MOST });
  return (
    <Answered to={counted}>
      {({ items }) => <Ranking label={label} of={of} tone={status ? "warn" : "info"} ranks={items.flatMap((group) => rank(group, since) ?? [])} />}
    </Answered>
  );
}

const byCode = ({ error_code: code, count }: Group, at_gte: string): Rank | null =>
  code ? { key: code, label: code, count, place: toAccess({ error_code: code, at_gte }) } : null;

/** Leads to the refusals of the guard: the log has no filter for it. */
const byGuard = (period: Period) => ({ guard, count }: Group): Rank | null =>
  guard ? { key: guard, label: guard, count, place: { to: "/audit/summary", search: { period, guard } } } : null;

const byActor = ({ actor_kind: kind, actor_id: id, actor_name: name, count }: Group, at_gte: string): Rank | null =>
  id ? { key: id, label: actorName({ actor_kind: kind ?? "", actor_name: name }), count, place: toAccess({ actor_id: id, at_gte }) } : null;

const byRoute = (status_gte?: string, guard?: string) => ({ method, route, count }: Group, at_gte: string): Rank | null =>
  route && method ? { key: `${method} ${route}`, label: `${method} ${route}`, count, place: toAccess({ route, method, at_gte, status_gte, ...(guard && { decision_null: "true" }) }) } : null;
