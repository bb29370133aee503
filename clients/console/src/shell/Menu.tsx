// The menu: groups and modules as the server gives them, and under a module the screens that belong to it.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { menu, type Schemas } from "../api/queries.ts";
import { Icon } from "../parts/Icon.tsx";
import { Sheet } from "../parts/Dialog.tsx";
import type { Screen } from "../screens.ts";
import { say } from "../words/say.ts";
import { useScreens } from "./destinations.ts";

type LinkProps = { to: string; icon: string; name: string; exact?: boolean; nested?: boolean };

function MenuLink({ to, icon, name, exact = false, nested = false }: LinkProps) {
  return (
    <Link to={to} activeOptions={{ exact, includeSearch: false }} className={nested ? "nested" : ""} activeProps={{ "aria-current": "page" }}>
      <Icon name={icon} />{name}
    </Link>
  );
}

type GroupProps = { group: Schemas["MenuGroup"]; screens: Screen[]; slugs: ReadonlySet<string> };

function Group({ group, screens, slugs }: GroupProps) {
  return (
    <section>
      <h2>{group.group_name}</h2>
      {group.modules.map(({ slug, route, icon, name }) => {
        const below = screens.filter(({ under }) => [under ?? []].flat().find((one) => slugs.has(one)) === slug);
        return (
          <div key={slug}>
            <MenuLink to={route} icon={icon} name={name} exact={below.length > 0} />
            {below.map((screen) => <MenuLink key={screen.path} to={screen.path} icon={screen.icon} name={say(screen.title)} nested />)}
          </div>
        );
      })}
    </section>
  );
}

function Groups() {
  const { data: groups = [] } = useQuery(menu);
  const screens = useScreens();
  const slugs = new Set(groups.flatMap((group) => group.modules).map(({ slug }) => slug));
  return (
    <nav aria-label={say("shell.menu")}>
      <section><MenuLink to="/" icon="house" name={say("home.title")} exact /></section>
      {groups.map((group) => <Group key={group.slug} group={group} screens={screens} slugs={slugs} />)}
    </nav>
  );
}

/** On wide screens at the left; on narrow ones a drawer. */
export function Menu({ drawer, onClose }: { drawer: boolean; onClose: () => void }) {
  return (
    <>
      <aside className="menu"><Groups /></aside>
      {drawer && <Sheet title={say("shell.menu")} onClose={onClose}><div className="menu-drawer"><Groups /></div></Sheet>}
    </>
  );
}
