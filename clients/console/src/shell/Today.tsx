// For auditors: how the requests of the day ended.
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useRead, type Schemas } from "../api/queries.ts";
import { Chip, type Tone } from "../parts/Chip.tsx";
import { Answered } from "../parts/states.tsx";
import { formatNumber } from "../words/format.ts";
import { say } from "../words/say.ts";

type Group = Schemas["SummaryGroup"];
type Outcome = "done" | "refused" | "failed";

const TONES: Record<Outcome, Tone> = { done: "good", refused: "warn", failed: "bad" };

/** The beginning of the day where the person is. */
function midnight(): string {
  const day = new Date();
  day.setHours(0, 0, 0, 0);
  return day.toISOString();
}

const outcomeOf = ({ status }: Group): Outcome => (status === 4 ? "refused" : status === 5 ? "failed" : "done");

export function Today() {
  const [since] = useState(midnight);
  const summary = useRead<Schemas["SummaryRead"]>("/api/v1/audit/summary", { log: "access", by: "status", at_gte: since });
  const count = (groups: Group[], outcome: Outcome) => groups.filter((group) => outcomeOf(group) === outcome).reduce((sum, group) => sum + group.count, 0);
  return (
    <section className="home-group" aria-labelledby="today">
      <h2 id="today">{say("home.today")}</h2>
      <Answered to={summary}>
        {({ items }) => (
          <p>
            {(Object.keys(TONES) as Outcome[]).map((outcome) => {
              const found = count(items, outcome);
              return <Chip key={outcome} tone={found ? TONES[outcome] : "plain"}>{say(`home.today.${outcome}`, { count: found, shown: formatNumber(found) })}</Chip>;
            })}
            {" "}<Link to={"/audit/summary" as string}>{say("home.today.details")}</Link>
          </p>
        )}
      </Answered>
    </section>
  );
}
