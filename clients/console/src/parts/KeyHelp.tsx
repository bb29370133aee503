// The keys that work everywhere.
import { say, type Sentence } from "../words/say.ts";
import { Dialog } from "./Dialog.tsx";

const KEYS: [string, Sentence][] = [
  ["Ctrl K", "keys.palette"], ["/", "keys.search"], ["j", "keys.down"], ["k", "keys.up"], ["Enter", "keys.open"],
  ["e", "keys.edit"], ["?", "keys.help"], ["Esc", "keys.close"],
];

export function KeyHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={say("keys.title")} onClose={onClose}>
      <dl className="keys">
        {KEYS.map(([key, sentence]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{say(sentence)}</dd></div>)}
      </dl>
    </Dialog>
  );
}
