// The frame of every screen: sign-in first, then head, menu and content.
import { Outlet, useLocation, useRouter } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState, useSyncExternalStore } from "react";
import { hooks } from "../api/hooks.ts";
import { queries } from "../api/queries.ts";
import { isSignedIn, refresh, subscribe } from "../api/session.ts";
import { useGo } from "../parts/address.ts";
import { KeyHelp } from "../parts/KeyHelp.tsx";
import { useKeys } from "../parts/keys.ts";
import { Loading, Problem } from "../parts/states.tsx";
import { Toasts } from "../parts/toast.tsx";
import { say } from "../words/say.ts";
import { Menu } from "./Menu.tsx";
import { SignIn } from "./SignIn.tsx";
import { StepUp } from "./StepUp.tsx";
import { TopBar } from "./TopBar.tsx";
import { useDestinations } from "./destinations.ts";
import { useKeptFocus } from "./useKeptFocus.ts";

const Palette = lazy(() => import("../parts/Palette.tsx"));

/** Whether there is a session: asked of the cookie once, then told by the session itself. */
function useSession(): { signedIn: boolean; asked: boolean; error: unknown; ask: () => void } {
  const signedIn = useSyncExternalStore(subscribe, isSignedIn);
  const [asked, setAsked] = useState(isSignedIn);
  const [error, setError] = useState<unknown>(null);
  const ask = () => {
    setError(null);
    refresh().then(() => setAsked(true), setError);
  };
  useEffect(ask, []);
  useEffect(() => {
    if (!signedIn) queries.clear();
  }, [signedIn]);
  return { signedIn, asked: asked || signedIn, error, ask };
}

export function App() {
  const { signedIn, asked, error, ask } = useSession();
  if (signedIn) return <Frame />;
  if (error !== null) return <Problem error={error} retry={ask} />;
  return asked ? <SignIn /> : <Loading />;
}

const RESTRICTED: Record<string, string> = {
  "password-change-required": "/me/password",
  "second-factor-required": "/me/second-factor",
};

type Open = "palette" | "keys" | "menu" | null;

function Frame() {
  const [open, setOpen] = useState<Open>(null);
  const router = useRouter();
  const { pathname } = useLocation();
  const close = () => setOpen(null);
  useKeys({ "mod+k": () => setOpen("palette"), "?": () => setOpen("keys") });
  useKeptFocus();
  useEffect(close, [pathname]);
  useEffect(() => {
    hooks.restricted = (code) => void router.navigate({ to: RESTRICTED[code] ?? "/" });
  }, [router]);
  return (
    <div className="frame">
      <a className="skip" href="#content">{say("shell.skip")}</a>
      <TopBar onMenu={() => setOpen("menu")} onPalette={() => setOpen("palette")} onKeys={() => setOpen("keys")} />
      <Menu drawer={open === "menu"} onClose={close} />
      <main id="content" tabIndex={-1}><Suspense fallback={<Loading />}><Outlet /></Suspense></main>
      {open === "palette" && <Suspense fallback={null}><GoTo onClose={close} /></Suspense>}
      {open === "keys" && <KeyHelp onClose={close} />}
      <StepUp />
      <Toasts />
    </div>
  );
}

function GoTo({ onClose }: { onClose: () => void }) {
  return <Palette screens={useDestinations()} onGo={useGo()} onClose={onClose} />;
}
