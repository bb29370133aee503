// "Is it you?": asks for a code when an action needs a fresh proof; the request is repeated afterwards.
import { useEffect, useRef, useState } from "react";
import { api, data } from "../api/client.ts";
import { hooks } from "../api/hooks.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Input } from "../parts/Input.tsx";
import { Problem } from "../parts/states.tsx";
import { say } from "../words/say.ts";

/** One dialog for all requests that wait for it. */
export function StepUp() {
  const [open, setOpen] = useState(false);
  const waiting = useRef<((proved: boolean) => void)[]>([]);
  useEffect(() => {
    hooks.stepUp = () => new Promise((resolve) => {
      waiting.current.push(resolve);
      setOpen(true);
    });
  }, []);
  const end = (proved: boolean) => {
    for (const resolve of waiting.current.splice(0)) resolve(proved);
    setOpen(false);
  };
  return open ? <Ask onEnd={end} /> : null;
}

function Ask({ onEnd }: { onEnd: (proved: boolean) => void }) {
  const [code, setCode] = useState("");
  const [error, setError] = useState<unknown>(null);
  const submit = () => {
    data(api.POST("/api/v1/auth/step-up", { body: { code } })).then(() => onEnd(true), setError);
  };
  const actions = (
    <>
      <button type="button" onClick={() => onEnd(false)}>{say("action.cancel")}</button>
      <button type="submit" className="primary">{say("action.confirm")}</button>
    </>
  );
  return (
    <Dialog title={say("step-up.title")} onClose={() => onEnd(false)} onSubmit={submit} actions={actions}>
      <p>{say("step-up.help")}</p>
      <Input label={say("step-up.code")} value={code} onChange={setCode} autoComplete="one-time-code" required />
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}
