// Follows an item by server-sent events. It reads them by fetch: the EventSource of browsers sends no token.
import { ROOT } from "../root.ts";
import { problemOf, Refused } from "./problems.ts";
import { send } from "./send.ts";

const PAUSE_MS = 2_000;
const EVENT_END = "\n\n";
const DATA = "data: ";

/** The data of the events of a stream, as they come. Comments, which only show that the server is there, are passed. */
async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + value).split(EVENT_END);
    rest = events.pop() ?? "";
    for (const event of events) {
      const lines = event.split("\n").filter((line) => line.startsWith(DATA)).map((line) => line.slice(DATA.length));
      if (lines.length) yield lines.join("\n");
    }
  }
}

type Follower<T> = {
  onItem: (item: T) => void;
  /** Whether there is a connection: without one, what is on the screen may be old. */
  onConnection: (isOpen: boolean) => void;
};

async function readOnce<T>(path: string, signal: AbortSignal, { onItem, onConnection }: Follower<T>): Promise<void> {
  const response = await send(new Request(`${ROOT}${path}`, { headers: { Accept: "text/event-stream" }, cache: "no-store", signal }));
  if (!response.ok || !response.body) throw new Refused(await problemOf(response));
  onConnection(true);
  for await (const text of readEvents(response.body)) onItem(JSON.parse(text) as T);
}

/** Follows until the returned function is called, or the server refuses it. A connection that ends is opened again. */
export function follow<T>(path: string, follower: Follower<T>): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const run = async () => {
    while (!signal.aborted) {
      try {
        await readOnce(path, signal, follower);
      } catch (error) {
        if (error instanceof Refused && error.status < 500 && error.status !== 429) return;
      } finally {
        if (!signal.aborted) follower.onConnection(false);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  void run();
  return () => stop.abort();
}
