// Where the tokens of a session are kept, and who may renew them.

export interface Tokens {
  access: string;
  refresh: string;
  /** When the access token is renewed, in milliseconds since 1970. */
  renewAt: number;
}

export interface TokenStore {
  load(): Tokens | undefined;
  save(tokens: Tokens | undefined): void;
  /** Runs `work` while nothing else that shares these tokens runs any. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Calls `changed` when another tab has saved. */
  watch?(changed: () => void): void;
}

/** Keeps tokens for as long as the program (or the page) runs. */
export class MemoryStore implements TokenStore {
  #tokens: Tokens | undefined;
  readonly exclusively = queue();

  load(): Tokens | undefined {
    return this.#tokens;
  }

  save(tokens: Tokens | undefined): void {
    this.#tokens = tokens;
  }
}

/**
 * Shares tokens between the tabs of a browser, and keeps them over a reload.
 *
 * Every script of the page's origin can read them; with `sessionStorage` they are those of one tab.
 */
export class BrowserStore implements TokenStore {
  readonly exclusively: TokenStore["exclusively"];
  readonly #channel: BroadcastChannel | undefined;

  constructor(
    readonly name = "attest",
    readonly storage: Storage = localStorage,
  ) {
    const locks = globalThis.navigator?.locks as LockManager | undefined; // not on pages without TLS
    this.exclusively = locks ? inLock(locks, name) : queue();
    this.#channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(name) : undefined;
  }

  load(): Tokens | undefined {
    const text = this.storage.getItem(this.name);
    return text === null ? undefined : (JSON.parse(text) as Tokens);
  }

  save(tokens: Tokens | undefined): void {
    if (tokens) this.storage.setItem(this.name, JSON.stringify(tokens));
    else this.storage.removeItem(this.name);
    this.#channel?.postMessage("saved");
  }

  watch(changed: () => void): void {
    this.#channel?.addEventListener("message", changed);
  }
}

/** Runs work one piece after the other, of every tab. */
function inLock(locks: LockManager, name: string): TokenStore["exclusively"] {
  return async (work) => {
    const { result } = await locks.request(name, async () => ({ result: await work() }));
    return result;
  };
}

/** Runs work one piece after the other. */
function queue(): TokenStore["exclusively"] {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  };
}
