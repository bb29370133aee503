// One change that waits: what it would do if it were made now, and the decision about it.
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, data } from "../api/client.ts";
import { forget, me, useMay, useRead, type Schemas } from "../api/queries.ts";
import { BackLink } from "../parts/BackLink.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { Answered } from "../parts/states.tsx";
import { Moment } from "../parts/Time.tsx";
import { toast } from "../parts/toast.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { ApprovalState, describe } from "./waiting.tsx";
import type { DryRun, Effect } from "./change.ts";
import { Effects } from "./Effects.tsx";

type Waiting = Schemas["ApprovalRead"];
const OPERATIONS = { approve: "/api/v1/approvals/{id}/approve", reject: "/api/v1/approvals/{id}/reject", withdraw: "/api/v1/approvals/{id}/withdraw" } as const;
type Decision = keyof typeof OPERATIONS;

export default function Approval() {
  const { id } = useParams({ strict: false }) as { id: string };
  const approval = useRead<Waiting>(`/api/v1/approvals/${encodeURIComponent(id)}`);
  return <Answered to={approval}>{(found) => <Loaded key={id} approval={found} />}</Answered>;
}

function Loaded({ approval }: { approval: Waiting }) {
  const { state, requester, created_at, expires_at, reason, needs, decided_by, decided_at, problem } = approval;
  const waits = state === "pending";
  return (
    <>
      <BackLink to="/approvals">{say("approvals.title")}</BackLink>
      <Heading title={describe(approval)} note={<ApprovalState state={state} />}>{waits && <Decide approval={approval} />}</Heading>
      <dl className="facts-line">
        <div><dt>{say("approvals.requester")}</dt><dd>{requester?.name ?? say("user.erased")}, <Moment at={created_at} ago /></dd></div>
        {reason && <div><dt>{say("reason.label")}</dt><dd>{reason}</dd></div>}
        <div><dt>{say("approvals.needs")}</dt><dd>{needs.join(", ")}</dd></div>
        {waits && <div><dt>{say("access.ends")}</dt><dd><Moment at={expires_at} /></dd></div>}
        {decided_at && <div><dt>{say("approvals.decided-by")}</dt><dd>{decided_by?.name ?? say("user.erased")}, <Moment at={decided_at} ago /></dd></div>}
        {problem && <div><dt>{say("approvals.problem")}</dt><dd><code>{problem}</code></dd></div>}
      </dl>
      {waits ? <Preview approval={approval} /> : <section className="panel"><h2>{say("approvals.effects-then")}</h2><Effects effects={approval.effects as Effect[]} /></section>}
    </>
  );
}

function Preview({ approval: { id } }: { approval: Waiting }) {
  const preview = useRead<Schemas["ApprovalPreview"]>(`/api/v1/approvals/${id}/preview`);
  return (
    <Answered to={preview}>
      {({ dry_run, detail, body }) => (
        <section className="panel">
          <h2>{say("approvals.effects-now")}</h2>
          {dry_run ? <Effects effects={(dry_run as DryRun).effects ?? []} /> : <p className="callout warn">{detail}</p>}
          {body !== null && <details className="facts"><summary>{say("approvals.body")}</summary><pre><code>{JSON.stringify(body, null, 2)}</code></pre></details>}
        </section>
      )}
    </Answered>
  );
}

function Decide({ approval: { requester, id } }: { approval: Waiting }) {
  const [open, setOpen] = useState<Decision | null>(null);
  const { data: person } = useQuery(me);
  const may = useMay();
  const isOwn = person !== undefined && requester?.id === person.id;
  const decide = (decision: Decision) => async (headers: Record<string, string>) => {
    await data(api.POST(OPERATIONS[decision], { params: { path: { id } }, headers })).finally(() => forget("/api/v1"));
    toast(say(`approvals.done.${decision}`));
  };
  const button = (decision: Decision, className?: string) => <button type="button" className={className} onClick={() => setOpen(decision)}>{say(`approvals.${decision}`)}</button>;
  return (
    <>
      {isOwn && <span className="note">{say("approvals.own")}</span>}
      {isOwn && button("withdraw")}
      {!isOwn && may("approvals:update") && button("reject")}
      {!isOwn && may("approvals:update") && button("approve", "primary")}
      {open && <Confirm title={say(`approvals.ask.${open}`)} action={say(`approvals.${open}`)} danger={open === "reject"} withReason onClose={() => setOpen(null)} onConfirm={decide(open)} />}
    </>
  );
}
