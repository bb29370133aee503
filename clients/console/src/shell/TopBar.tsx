// The bar at the top: where to go, keys, theme, who is signed in.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { me } from "../api/queries.ts";
import { signOut } from "../api/session.ts";
import { Icon } from "../parts/Icon.tsx";
import { ThemeSwitch } from "../parts/ThemeSwitch.tsx";
import { toast } from "../parts/toast.tsx";
import { say } from "../words/say.ts";

type TopBarProps = { onMenu: () => void; onPalette: () => void; onKeys: () => void };

const leave = () => void signOut().catch(() => toast(say("state.unreachable")));

export function TopBar({ onMenu, onPalette, onKeys }: TopBarProps) {
  const { data: person } = useQuery(me);
  return (
    <header className="top">
      <button type="button" className="quiet only-narrow" aria-label={say("shell.menu")} onClick={onMenu}><Icon name="menu" /></button>
      <Link to="/" className="brand"><Icon name="shield-check" /><span>{"Attest"}</span></Link>
      <button type="button" className="go-to" onClick={onPalette}><Icon name="search" /><span>{say("shell.search")}</span><kbd>{"Ctrl K"}</kbd></button>
      <span className="gap" />
      <button type="button" className="quiet only-wide" aria-label={say("shell.keys")} title={say("shell.keys")} onClick={onKeys}><Icon name="keyboard" /></button>
      <ThemeSwitch />
      <Link to="/me" className="person" aria-label={say("account.title")} title={say("account.title")}><Icon name="user" /><span className="only-wide">{person?.username}</span></Link>
      <button type="button" className="quiet" aria-label={say("shell.sign-out")} title={say("shell.sign-out")} onClick={leave}><Icon name="log-out" /></button>
    </header>
  );
}
