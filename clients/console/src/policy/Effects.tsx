// Who gains and loses what, in words.
import { useMay } from "../api/queries.ts";
import { Empty } from "../parts/states.tsx";
import { formatMoment } from "../words/format.ts";
import { say } from "../words/say.ts";
import type { Effect } from "./change.ts";
import { useWords } from "./permissions.ts";
import { UserLink } from "./UserLink.tsx";

export function Effects({ effects }: { effects: readonly Effect[] }) {
  const may = useMay();
  if (!effects.length) return <Empty>{say("effects.none")}</Empty>;
  return (
    <ul className="effects" aria-label={say("effects.title")}>
      {effects.map((effect) => (
        <li key={effect.user_id}>
          <strong><UserLink id={effect.user_id} name={effect.username} link={may("users:read")} /></strong>
          <Side kind="gained" permissions={effect.gained} until={effect.until} />
          <Side kind="lost" permissions={effect.lost} until={{}} />
        </li>
      ))}
    </ul>
  );
}

type SideProps = { kind: "gained" | "lost"; permissions: readonly string[]; until: Record<string, string> };
const SIGN = { gained: "+", lost: "−" };

function Side({ kind, permissions, until }: SideProps) {
  const words = useWords();
  if (!permissions.length) return null;
  return (
    <p className={kind}>
      <span>{say(`effects.${kind}`)}</span>
      {permissions.map((permission) => {
        const end = until[permission];
        const text = end ? say("effects.until", { what: words(permission), end: formatMoment(end) }) : words(permission);
        return <span key={permission} className={`chip ${kind === "gained" ? "good" : "bad"}`} title={permission}>{SIGN[kind]} {text}</span>;
      })}
    </p>
  );
}
