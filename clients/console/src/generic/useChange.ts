// A change of an item. It may wait for a second person: then that is said, and the person is led to the request.
import { call, type Call } from "../api/client.ts";
import { waitingIn } from "../api/waiting.ts";
import { useGo } from "../parts/address.ts";
import { toast } from "../parts/toast.tsx";
import { say } from "../words/say.ts";

/** `const saved = await change("patch", path, { body })`: what the server answers, once the change is made; null where it waits. */
export function useChange(): <T>(method: "post" | "patch", path: string, call: Call) => Promise<T | null> {
  const go = useGo();
  return async <T>(method: "post" | "patch", path: string, asked: Call) => {
    const answer = await call<T>(method, path, asked);
    const waiting = waitingIn(answer);
    if (!waiting) return answer;
    toast(say("effects.waits"));
    go(`/approvals/${waiting.id}`);
    return null;
  };
}
