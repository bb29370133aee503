// Parts of a screen, each with an address of its own: `?tab=roles`.
import { Link } from "@tanstack/react-router";

export type Tab = { key: string; label: string };

/** Links to the tabs; the first needs no parameter. */
export function Tabs({ label, tabs, current }: { label: string; tabs: readonly Tab[]; current: string }) {
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map(({ key, label: text }, index) => (
        <Link key={key} to="." search={(index ? { tab: key } : {}) as never} activeOptions={{ exact: true }} aria-current={key === current ? "page" : undefined}>{text}</Link>
      ))}
    </nav>
  );
}
