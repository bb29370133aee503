// What came of one check: it holds, or it does not and why.
import type { ReactNode } from "react";
import { Icon } from "../parts/Icon.tsx";
import { say } from "../words/say.ts";
import type { Step } from "./proofs/check.ts";

type VerdictProps<T> = { of: Step<T>; children: (found: T) => ReactNode };

export function Verdict<T>({ of, children }: VerdictProps<T>) {
  if (of.holds) return <li className="verdict good"><Icon name="circle-check" /><div>{children(of.found)}</div></li>;
  return (
    <li className="verdict bad" role="alert">
      <Icon name="shield-alert" /><div><strong>{say("record.does-not-hold")}</strong> {say(`record.unproved.${of.reason}`)}</div>
    </li>
  );
}
