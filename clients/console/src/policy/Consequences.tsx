// What a change of the policy would do to whom; and only then the button that makes it.
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Refused } from "../api/problems.ts";
import { forget } from "../api/queries.ts";
import { useGo } from "../parts/address.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { Answered, Problem } from "../parts/states.tsx";
import { toast } from "../parts/toast.tsx";
import { say } from "../words/say.ts";
import { makeChange, tryChange, type Change, type DryRun } from "./change.ts";
import { Effects } from "./Effects.tsx";

type ConsequencesProps = {
  title: string;
  action: string;
  change: Change;
  /** Whether the reason is asked here; without it, the change has its own. */
  withReason?: boolean;
  danger?: boolean;
  children?: ReactNode;
  onClose: () => void;
  /** Called once the change is made, or waits for a second person. */
  onDone?: () => void;
};

const MOVED = new Set([409, 412]);

/** A dry run of a change, and the button that makes exactly that change, whatever becomes of the screen below. */
export function Consequences({ title, action, change: asked, withReason = true, danger = false, children, onClose, onDone }: ConsequencesProps) {
  const go = useGo();
  const [change] = useState(asked);
  const trial = useQuery({
    queryKey: ["trial", change],
    queryFn: ({ signal }) => tryChange(change, signal),
    staleTime: 0,
    gcTime: 0,
  });
  const confirm = async (headers: Record<string, string>) => {
    const waiting = await makeChange(change, headers);
    onDone?.();
    toast(say(waiting ? "effects.waits" : "effects.done"));
    if (waiting) go(`/approvals/${waiting.id}`);
  };
  return (
    <Confirm title={title} action={action} danger={danger} withReason={withReason} disabled={!trial.isSuccess} onClose={onClose} onConfirm={confirm}>
      {children}
      {hasMoved(trial.error) ? <Moved error={trial.error} onClose={onClose} /> : <Answered to={trial}>{(found) => <Trial found={found} />}</Answered>}
    </Confirm>
  );
}

const hasMoved = (error: unknown) => error instanceof Refused && MOVED.has(error.status);

/** The policy is no longer what was on the screen: the edits stay, and are tried on what is there now. */
function Moved({ error, onClose }: { error: unknown; onClose: () => void }) {
  const again = () => {
    void forget("/api/v1");
    onClose();
  };
  return (
    <>
      <Problem error={error} />
      <p>{say("effects.moved")} <button type="button" onClick={again}>{say("effects.read-anew")}</button></p>
    </>
  );
}

function Trial({ found: { effects = [], needs_approval: needs = [] } }: { found: DryRun }) {
  return (
    <>
      {needs.length > 0 && <p className="callout warn">{say("effects.needs-approval", { rules: needs.join(", ") })}</p>}
      <Effects effects={effects} />
    </>
  );
}
