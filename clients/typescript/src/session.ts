// A session: signs in and out, and puts a valid access token on every request.
import type { Problem, Schemas } from "./index.js";
import { asProblem, Refused } from "./problems.js";
import { retry, type Send } from "./send.js";
import type { Tokens, TokenStore } from "./tokens.js";

const UNAUTHENTICATED = 401;

export class Session {
  readonly #auth: string;
  readonly #ended: () => void;

  /** `ended` is called when the session is over: signed out, here or in another tab, or no longer accepted. */
  constructor(
    baseUrl: string,
    readonly send: Send,
    readonly store: TokenStore,
    ended: () => void = () => undefined,
  ) {
    this.#auth = `${baseUrl.replace(/\/$/, "")}/api/v1/auth`;
    this.#ended = ended;
    store.watch?.(async () => {
      if (!(await this.isSignedIn())) ended();
    });
  }

  async isSignedIn(): Promise<boolean> {
    return (await this.store.load()) !== undefined;
  }

  /** Signs in. Throws Refused: `bad-credentials`, or `second-factor-needed`, after which `code` is sent too. */
  async signIn(credentials: Schemas["SignInForm"]): Promise<void> {
    const given = Object.entries(credentials).filter(([, value]) => value != null);
    const answer = await this.send(post(`${this.#auth}/token`, new URLSearchParams(given as [string, string][])));
    await this.store.save(await tokensOf(answer));
  }

  /** Ends the session on the server, and forgets its tokens in every tab. Throws Refused. */
  async signOut(): Promise<void> {
    const answer = await this.authorized(post(`${this.#auth}/logout`));
    if (!answer.ok && answer.status !== UNAUTHENTICATED) throw await refusal(answer);
    await this.#end();
  }

  /** Sends `request` with the access token, renewed before it expires or when the server no longer takes it. */
  readonly authorized: Send = async (request) => {
    const again = request.clone();
    const tokens = await this.#validTokens();
    if (!tokens) return this.send(request);
    const answer = await this.send(withBearer(request, tokens.access));
    if (answer.status !== UNAUTHENTICATED || (await problemOf(answer.clone())).code !== "unauthenticated")
      return answer;
    const renewed = await this.#renew(tokens);
    request.signal.throwIfAborted();
    return renewed ? this.send(withBearer(again, renewed.access)) : answer;
  };

  async #validTokens(): Promise<Tokens | undefined> {
    const tokens = await this.store.load();
    return tokens && tokens.renewAt <= Date.now() ? this.#renew(tokens) : tokens;
  }

  /** The tokens after `old`: one request renews them, and every other one, in every tab, waits for it. */
  #renew(old: Tokens): Promise<Tokens | undefined> {
    return this.store.exclusively(async () => {
      const now = await this.store.load();
      if (now?.refresh !== old.refresh) return now;
      const body = JSON.stringify({ refresh_token: old.refresh });
      const answer = await retry(this.send)(post(`${this.#auth}/token/refresh`, body));
      if (answer.status === UNAUTHENTICATED) return this.#end();
      const tokens = await tokensOf(answer);
      await this.store.save(tokens);
      return tokens;
    });
  }

  async #end(): Promise<undefined> {
    await this.store.save(undefined);
    this.#ended();
  }
}

/** `request` with a token. */
export function withBearer(request: Request, token: string): Request {
  request.headers.set("Authorization", `Bearer ${token}`);
  return request;
}

function post(url: string, body?: string | URLSearchParams): Request {
  const headers = typeof body === "string" ? { "Content-Type": "application/json" } : {};
  return new Request(url, { method: "POST", headers, ...(body !== undefined && { body }) });
}

async function tokensOf(answer: Response): Promise<Tokens> {
  if (!answer.ok) throw await refusal(answer);
  const pair = (await answer.json()) as Schemas["TokenPair"];
  const seconds = pair.expires_in * 0.9; // a request and a clock take their time
  return { access: pair.access_token, refresh: pair.refresh_token, renewAt: Date.now() + seconds * 1000 };
}

async function refusal(answer: Response): Promise<Refused> {
  return new Refused(await problemOf(answer));
}

async function problemOf(answer: Response): Promise<Problem> {
  return asProblem(await answer.json().catch(() => undefined), answer);
}
