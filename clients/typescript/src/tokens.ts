// Where the tokens of a session are kept, and who may renew them.

const TOKENS = "tokens";

export interface Tokens {
  access: string;
  refresh: string;
  /** When the access token is renewed, in milliseconds since 1970. */
  renewAt: number;
}

export interface TokenStore {
  load(): Promise<Tokens | undefined> | Tokens | undefined;
  save(tokens: Tokens | undefined): Promise<void> | void;
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
 * Shares tokens between the tabs of a browser, and keeps them over a reload. Every script of the page's origin can read
 * them. They are in IndexedDB, because a tab sees there what another has saved before it gave up the lock; in
 * localStorage it may see that later.
 */
export class BrowserStore implements TokenStore {
  readonly exclusively: TokenStore["exclusively"];
  readonly #channel: BroadcastChannel | undefined;
  readonly #database: Promise<IDBDatabase>;

  constructor(name = "attest") {
    const locks = globalThis.navigator?.locks as LockManager | undefined; // not on pages without TLS
    this.exclusively = locks ? inLock(locks, name) : queue();
    this.#channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(name) : undefined;
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(TOKENS);
    this.#database = new Promise((resolve, reject) => {
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
  }

  load(): Promise<Tokens | undefined> {
    return this.#transact("readonly", (tokens) => tokens.get(TOKENS));
  }

  async save(tokens: Tokens | undefined): Promise<void> {
    await this.#transact("readwrite", (saved) => saved.put(tokens, TOKENS));
    this.#channel?.postMessage("saved");
  }

  watch(changed: () => void): void {
    this.#channel?.addEventListener("message", changed);
  }

  /** The result of a request, once its transaction is committed. */
  async #transact<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const transaction = (await this.#database).transaction(TOKENS, mode);
    const request = ask(transaction.objectStore(TOKENS));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
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
