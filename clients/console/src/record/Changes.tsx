// Which values changed? The change log as a time line.
import { say } from "../words/say.ts";
import { ChangeEntry } from "./ChangeEntry.tsx";
import { LogFrame } from "./LogFrame.tsx";

export default function Changes() {
  return (
    <LogFrame log="changes" title={say("record.changes")}>
      {({ items }) => <ol className="entries">{items.map((entry) => <li key={entry.id}><ChangeEntry entry={entry} /></li>)}</ol>}
    </LogFrame>
  );
}
