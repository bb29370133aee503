// One request of a page without a session: under way, done, or refused.
import { useState } from "react";

type Sending = { busy: boolean; done: boolean; error: unknown; send: (request: () => Promise<unknown>) => void };

export function useSending(): Sending {
  const [state, setState] = useState({ busy: false, done: false, error: null as unknown });
  const send = (request: () => Promise<unknown>) => {
    setState({ busy: true, done: false, error: null });
    request().then(
      () => setState({ busy: false, done: true, error: null }),
      (error: unknown) => setState({ busy: false, done: false, error }),
    );
  };
  return { ...state, send };
}
