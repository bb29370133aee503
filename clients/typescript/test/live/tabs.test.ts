// Three tabs of one browser, against a running server: one of them renews the tokens, and signing out is for all.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const { API_URL = "http://127.0.0.1:8000", API_USER = "", API_PASSWORD = "", REQUIRE_BROWSER } = process.env;
const TABS = 3;
const SLOW_MS = 1_000; // a refresh, so that every tab sees its token refused before there is another
const PATIENCE_MS = 240_000; // on a machine that is busy with other work
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-popup-blocking"];
const SCRIPTS: Record<string, URL> = { "/openapi-fetch.js": new URL(import.meta.resolve("openapi-fetch")) };

const PAGE = `<!doctype html><script type="importmap">
{"imports": {"attest-client": "/dist/index.js", "openapi-fetch": "/openapi-fetch.js"}}
</script><script type="module">
import { BrowserStore, createClient } from "attest-client";
const tab = location.hash.slice(1);
if (tab === "0") for (const other of [1, 2]) open("/#" + other, "_blank", "noopener");
const tell = async (step, value) => {
  const answer = await fetch("/tabs/" + step, { method: "POST", body: JSON.stringify({ tab, value }) });
  return answer.json();
};
try {
  const store = new BrowserStore();
  const over = new Promise((onSignedOut) => (window.api = createClient(location.origin, { store, onSignedOut })));
  const first = await tell("opened");
  if (tab === "0") await api.session.signIn(first);
  await tell("signed-in");
  if (tab === "0") await store.save({ ...(await store.load()), access: "expired" });
  await tell("expired");
  const answers = await Promise.all(Array.from({ length: 8 }, () => api.GET("/api/v1/auth/me")));
  await tell("asked", answers.map(({ data }) => data?.username));
  if (tab === "0") await api.session.signOut();
  await over;
  await tell("over", await api.session.isSignedIn());
} catch (error) {
  await tell("failed", String(error));
}
</script>`;

type Told = Record<string, unknown>;

/** Serves the page and the API from one origin. A step is answered when every tab has told it. */
class Site {
  refreshes = 0;
  readonly told: Record<string, Told> = {};
  readonly #waiting: Record<string, ServerResponse[]> = {};
  readonly finished: Promise<void>;
  #finish: (error?: Error) => void = () => undefined;

  constructor() {
    this.finished = new Promise((resolve, reject) => (this.#finish = (error) => (error ? reject(error) : resolve())));
  }

  failure(): Error {
    return new Error(`the browser ended; told: ${JSON.stringify(this.told)}`);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const path = request.url ?? "/";
    if (path.startsWith("/api/")) await this.#pass(request, body, response);
    else if (path.startsWith("/tabs/")) this.#tell(path.slice("/tabs/".length), JSON.parse(body.toString()), response);
    else if (path === "/") response.setHeader("Content-Type", "text/html").end(PAGE);
    else response.setHeader("Content-Type", "text/javascript").end(scriptAt(path));
  }

  async #pass(
    { method = "GET", url = "", headers }: IncomingMessage,
    body: Buffer<ArrayBuffer>,
    response: ServerResponse,
  ): Promise<void> {
    if (url.endsWith("/refresh")) {
      this.refreshes += 1;
      await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    }
    const sent = ["authorization", "content-type"].flatMap((name) =>
      headers[name] ? [[name, String(headers[name])]] : [],
    );
    const init = { method, headers: Object.fromEntries(sent), ...(body.length > 0 && { body: new Blob([body]) }) };
    const answer = await fetch(API_URL + url, init);
    response.writeHead(answer.status, { "Content-Type": answer.headers.get("Content-Type") ?? "" });
    response.end(Buffer.from(await answer.arrayBuffer()));
  }

  #tell(step: string, { tab, value }: { tab: string; value: unknown }, response: ServerResponse): void {
    if (step === "failed") this.#finish(new Error(`tab ${tab}: ${String(value)}`));
    (this.told[step] ??= {})[tab] = value;
    const waiting = (this.#waiting[step] ??= []);
    waiting.push(response);
    if (waiting.length < TABS) return;
    for (const one of waiting) one.end(JSON.stringify({ username: API_USER, password: API_PASSWORD }));
    if (step === "over") this.#finish();
  }
}

function scriptAt(path: string): Buffer | string {
  const file = path.startsWith("/dist/") ? new URL(`../../..${path}`, import.meta.url) : SCRIPTS[path];
  return file ? readFileSync(file) : "";
}

function findBrowser(): string | undefined {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch {
      continue;
    }
  }
  return undefined;
}

/** Removes a folder into which processes that are ending may still write. */
async function remove(folder: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if (attempt === 40) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

const browser = findBrowser();

test(
  "three tabs renew the tokens once, and are signed out together",
  { skip: !browser && !REQUIRE_BROWSER },
  async () => {
    assert.ok(browser, "there is no Chromium");
    const site = new Site();
    const server = createServer((request, response) => void site.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const profile = mkdtempSync(join(tmpdir(), "tabs-"));
    const page = `http://127.0.0.1:${port}/#0`;
    const chromium = spawn(browser, [...FLAGS, `--user-data-dir=${profile}`, page], { stdio: "ignore", detached: true });
    const kill = () => process.kill(-Number(chromium.pid), "SIGKILL"); // with the processes that it began
    const gone = new Promise((resolve) => chromium.once("exit", resolve));
    const late = setTimeout(kill, PATIENCE_MS);
    try {
      await Promise.race([site.finished, gone.then(() => Promise.reject(site.failure()))]);
    } finally {
      clearTimeout(late);
      if (chromium.exitCode === null) kill();
      await gone;
      server.closeAllConnections();
      server.close();
      await remove(profile);
    }

    const me = Array(8).fill(API_USER);
    assert.deepEqual(site.told["asked"], { 0: me, 1: me, 2: me });
    assert.deepEqual(site.told["over"], { 0: false, 1: false, 2: false });
    assert.equal(site.refreshes, 1);
  },
);
